// LineReader: cuts the bytes of a file into records, block by block, without copying them again.
//
// A record is a line; where the format has quotes, a line break inside of a field in quotes does not end it.
// A record whose quotes are wrong, or not closed within kMaxLine, is its first line alone: the rows behind it
// are not lost with it. Where records end depends on the bytes only, not on how they come in blocks.
//
// A byte order mark and the '\r' before a record's end are left out, and empty lines where the format has no
// quotes: where it has, they may be rows of one field. A record longer than
// kMaxLine is handed out cut off just above that, so that a decoder rejects it; its rest is skipped. One
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/format.h"
#include "operators/files/byte_source.h"

namespace rideflow {

class LineReader {
 public:
  static constexpr size_t kBlockBytes = size_t{512} << 10;
  static constexpr size_t kMaxLine = size_t{1} << 20;

  explicit LineReader(std::unique_ptr<ByteSource> bytes, Framing framing = {})
      : bytes_(std::move(bytes)), framing_(framing) {}

  // Reads on from `offset` (of the uncompressed content). REQUIRES: nothing was read yet.
  Status skip_to(int64_t offset);
  // Up to `budget` whole records into records and arena of `out`. False: no whole record is there now.
  Result<bool> read(int32_t budget, Origin& out);
  // After read() said false: what stands behind the last whole record. False: nothing.
  bool read_tail(Origin& out);

  // Moves behind the next line break, whatever stands before it: how many bytes that were. None: there is no
  // line break now.
  Result<std::optional<int64_t>> skip_line();
  // After read() said false: bytes stand behind the last whole record.
  bool has_tail() const { return begin_ != end_; }

  int64_t offset() const { return offset_; }  // of the first byte that no record has had
  const ByteSource& bytes() const { return *bytes_; }

 private:
  bool cut(int32_t budget, Origin& out);
  Status refill(bool& at_end);
  void add(size_t begin, size_t end, Origin& out);
  // The line break that ends the record at begin_; kNone: it is not there, or not known yet.
  size_t record_end(bool at_tail);
  size_t quoted_end(bool at_tail) const;
  size_t find(char c, size_t from, size_t to) const;
  const char* data() const { return arena_.as<char>(); }

  static constexpr size_t kNone = SIZE_MAX;

  std::unique_ptr<ByteSource> bytes_;
  const Framing framing_;
  BufferRef arena_;
  size_t begin_ = 0;    // of what no record has had
  size_t scanned_ = 0;  // no line break between begin_ and here
  size_t end_ = 0;
  int64_t offset_ = 0;  // in the content, of begin_
};

}  // namespace rideflow
