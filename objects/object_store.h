// ObjectStore: named objects, whole or not at all, in a directory (objects/directory_store.h) or in an S3
// bucket (objects/s3_store.h). What checkpoints, savepoints and backups are written into.
//
// An object is its bytes under a name. Whoever reads sees one that is whole: the one before a write or the
// one after it, whatever crashed in between. A verb that answered ok is durable: it survives a power loss
// here, or was acknowledged by the server. After an error a write may have happened or not; reading tells.
//
// Names are relative paths such as "files/0000000000000004-ab": parts between single '/', none empty or
// beginning with '.', valid UTF-8 without control bytes. A name must not be the folder of another one: a
// directory can't hold both.
//
// Every verb may block, a store of S3 for minutes: call it only from background work, Env::offload() in lane
// `disk` for a directory and `others` for S3 (lane() says which).
//
// Thread-safety: any thread, several at a time. Errors: invalid_argument for a bad name; not_found only for
// an object that is missing (a bucket that is missing is failed_precondition); data_loss for bytes that
// differ from their checksum. Status::retry() says whether the same call can help later: what a store can
// retry by itself, it has retried before it answers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/env.h"
#include "engine/status.h"

namespace rideflow {

// How many bytes, and checksum64() over them.
struct ObjectSum {
  int64_t bytes = 0;
  uint64_t checksum = 0;
  friend bool operator==(const ObjectSum&, const ObjectSum&) = default;
};

struct ObjectInfo {
  std::string name;
  int64_t bytes = 0;
  Micros modified = 0;  // by the clock of whoever keeps it
};

// What get() read, and the version to hand to compare_and_set().
struct Object {
  std::string bytes;
  std::string version;
};

// A file of the local disk that becomes an object.
struct LocalFile {
  std::string path;
  std::string name;
  // Of a file that others go on appending to: so many bytes from its start, copied. Less than 0: all of a
  // file that nobody changes any more.
  int64_t first_bytes = -1;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // For messages and documents: the directory's path, or "s3://bucket/prefix". No secrets.
  virtual std::string describe() const = 0;
  virtual Lane lane() const = 0;

  // Creates or replaces. Two writers of one name at a time: either may be the last one.
  virtual Status put(const std::string& name, std::string_view bytes) = 0;

  // Creates or replaces objects out of finished files, in order; answers their sums. A directory links them
  // where it can: then object and file are the same bytes, and neither may be written to any more. After an
  // error some may be there. One call for many costs less than many calls: a directory is synced once.
  virtual Result<std::vector<ObjectSum>> put_files(std::span<const LocalFile> files) = 0;
  Result<ObjectSum> put_file(const LocalFile& file);

  // failed_precondition when the object has more than max_bytes: what should be small is read so.
  virtual Result<Object> get(const std::string& name, int64_t max_bytes) = 0;

  // Makes `path`, which must not exist, whose directory must: a link in a directory's case where possible
  // (never write to it), else a copy that is synced. S3 verifies what comes in; a directory leaves that to
  // sum(). The name is durable after sync_dir() of its directory.
  virtual Status get_file(const std::string& name, const std::string& path) = 0;

  // The same, but never a link: for a file that will be written to.
  virtual Status copy_file(const std::string& name, const std::string& path) = 0;

  virtual Result<ObjectInfo> stat(const std::string& name) = 0;

  // What an object must be like. A directory reads all of it; S3 answers what was noted beside it as it was
  // written (failed_precondition where somebody else put it there) and verifies that on every read.
  virtual Result<ObjectSum> sum(const std::string& name) = 0;

  // Every object whose name begins with `prefix` (any bytes, not only whole parts; "": all), sorted by name.
  // What is there under names that are none of ours is left out.
  virtual Result<std::vector<ObjectInfo>> list(const std::string& prefix) = 0;

  // Ok when missing. Gone for good when it returned ok; what comes first in `names` goes first.
  virtual Status remove_all(std::span<const std::string> names) = 0;
  Status remove(const std::string& name) { return remove_all({&name, 1}); }

  // Both answer the new version, and whoever gets ok is the only one who does: of two that create one name,
  // or that set it from one version, the other gets already_exists or aborted. An answer of S3 that was lost
  // is cleared up by a mark in the object. unavailable: whether it happened is not known, or not yet.
  //
  // already_exists when there is an object of this name.
  virtual Result<std::string> create_if_absent(const std::string& name, std::string_view bytes) = 0;
  // aborted when the object has another version; not_found when it is missing. A version names the content
  // and not the write, as an ETag does: content that came back has its old version back, so let what is
  // written never repeat (an epoch, a random number).
  virtual Result<std::string> compare_and_set(const std::string& name, const std::string& expected,
                                              std::string_view bytes) = 0;

  // Proves that the store can be reached and written, and that it keeps the conditions of create_if_absent()
  // and compare_and_set(): some servers that speak S3 accept and ignore them. Leaves nothing behind. To be
  // called once, before anything relies on it; the error names the way out.
  virtual Status check() = 0;

  // Removes what writers that died left half-written and had begun `older_than` or longer ago (0: all; only
  // where nobody else writes). Answers how many. No verb ever shows such leftovers; they only take room.
  virtual Result<int> sweep_leftovers(int64_t older_than_micros) = 0;
};

// invalid_argument that says what is wrong with it. A name of all stores: at most 700 bytes, 200 in a part.
Status check_object_name(std::string_view name);
// The same for the start of a name: "", "files/", "files/00".
Status check_object_prefix(std::string_view prefix);

}  // namespace rideflow
