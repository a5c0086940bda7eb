// FileList: the files of one partition of a file source: what is done, and what is next in the order in
// which it was found.
//
// It is what a position's `detail` records. New names are put behind the known ones, sorted among themselves.
// Each name is in the list once; a file that grew after it was done is put behind again, to be read on.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "operators/files/file_identity.h"

namespace rideflow {

struct ListedFile {
  static constexpr int64_t kUnknown = -1;

  std::string name;
  // Where reading goes on, in the content. Of one that is done: where it ended; kUnknown: nobody read it
  // (start: latest; checkpoints of earlier versions).
  int64_t next = 0;
  bool torn = false;      // what was read last is a record without its end: `next` may be inside of one
  bool left_out = false;  // `next` may be inside of a record that nobody read
  bool alias = false;     // another name of a file that is in a list already
  bool refused = false;   // not read to its end, or changed since
  std::optional<FileIdentity> identity;  // of what was read; none: nothing yet
};

class FileList {
 public:
  using Done = std::map<std::string, ListedFile, std::less<>>;

  // Adds the names that are new, in their order. True when there were any.
  bool add(const std::vector<std::string>& names);
  bool knows(const std::string& name) const {
    return done_.count(name) > 0 || pending_names_.count(name) > 0;
  }

  // The file to read now; null: all are done. Valid until the list changes.
  ListedFile* current() { return pending_.empty() ? nullptr : &pending_.front(); }
  const ListedFile* current() const { return pending_.empty() ? nullptr : &pending_.front(); }
  void finish_current();
  void finish_all();
  // All that are done, by name.
  const Done& done() const { return done_; }
  // What is not, in the order of reading.
  const std::deque<ListedFile>& pending() const { return pending_; }
  // Puts a file that is done behind the others, to be read from `next` on.
  void read_on(const std::string& name, int64_t next);
  // Of one that is done.
  void set_done(const std::string& name, ListedFile file);
  void add_done(ListedFile file);
  void forget(const std::string& name);
  // A file, done or not, has another name now.
  void rename(const std::string& from, const std::string& to);
  // Of the file, done or begun, with this inode; null: there is none.
  const ListedFile* with_inode(uint64_t inode) const;
  // The one that is read now has this identity.
  void identify_current(const FileIdentity& identity);
  const ListedFile* find(const std::string& name) const;

  // How many readings are finished; never less than before.
  int64_t finished() const { return finished_; }
  size_t size() const { return done_.size() + pending_.size(); }

  std::string encode() const;
  // Also what earlier versions encoded: how many are done, and the names.
  static Result<FileList> decode(std::string_view detail);
  // Only finished(). -1: not such a text.
  static int64_t finished_of(std::string_view detail);

 private:
  static Result<FileList> decode_names(std::string_view names, int64_t done);
  void index(const ListedFile& file);

  int64_t finished_ = 0;
  Done done_;
  std::deque<ListedFile> pending_;
  std::set<std::string> pending_names_;
  std::unordered_map<uint64_t, std::string> names_;  // by inode
  mutable std::string encoded_done_;
  mutable bool encoded_ = false;  // encoded_done_ is as done_
};

}  // namespace rideflow
