// Acknowledged: what a store has told others is durable, by name ("log-3" -> 4,096 bytes, "0" -> offset 700).
//
// A log alone can't tell a tail that a crash tore, which nobody was promised, from bytes that were promised
// and have since been cut off, changed or deleted: both end in a place where no whole record begins. This
// file beside the log can: whoever finds less than it notes has lost data, and must refuse instead of going
// on.
//
// Notes are appended without a sync of their own, after the sync of what they speak of. So they are exact
// after the death of a process, and a lower bound after a power loss: never more than what was durable. A
// note that can't be written costs protection, never data, so set() and flush() do not fail. What lowers a
// promise (records that retention is about to remove) goes through write(), which is durable when it returns
// ok.
//
// A missing or damaged file is "nothing is known": stores of before this file, and one that lost it, still
// open. Thread-safety: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/env.h"

namespace rideflow {

class Acknowledged {
 public:
  // Reads the file; writes nothing. Fails only when the disk does.
  static Result<Acknowledged> open(FileSystem& fs, std::string path);

  // Nothing: no such promise is known.
  std::optional<int64_t> find(std::string_view name) const;
  const std::map<std::string, int64_t, std::less<>>& all() const { return values_; }
  // Why the notes of the file were not taken; empty: they were, or there is no file.
  const std::string& damage() const { return damage_; }

  // REQUIRES: a name, without spaces and line breaks. Seen by find() at once, in the file after flush().
  void set(std::string_view name, int64_t value);
  void flush();
  // Forgets a name; in the file from the next write().
  void forget(std::string_view name) { values_.erase(std::string(name)); }
  // Durable, with everything set before.
  Status write();

 private:
  static constexpr int64_t kRewriteBytes = 64 << 10;
  FileSystem* fs_ = nullptr;
  std::string path_;
  std::map<std::string, int64_t, std::less<>> values_;
  std::string unwritten_;               // lines
  std::unique_ptr<WritableFile> file_;  // null: the file is rewritten before the next note
  std::string damage_;
};

}  // namespace rideflow
