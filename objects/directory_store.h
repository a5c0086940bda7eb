// Objects as the files of a directory: the object "files/a" is DIR/files/a.
//
// What is written is first a file in DIR/.incoming, synced, then renamed or linked to its name, and the
// directory synced: a name never shows half an object. compare_and_set() holds DIR/.lock while it looks and
// writes, which other processes respect; on a network file system that neither locks nor links it is refused.
//
// Thread-safety: as ObjectStore. `env` outlives it.
#pragma once

#include <memory>
#include <mutex>

#include "objects/object_store.h"

namespace rideflow {

class DirectoryStore : public ObjectStore {
 public:
  // Makes the directory when it is missing. One that is only read from may be read-only.
  static Result<std::shared_ptr<DirectoryStore>> open(Env& env, const std::string& dir);

  std::string describe() const override { return dir_; }
  Lane lane() const override { return Lane::disk; }

  Status put(const std::string& name, std::string_view bytes) override;
  Result<std::vector<ObjectSum>> put_files(std::span<const LocalFile> files) override;
  Result<Object> get(const std::string& name, int64_t max_bytes) override;
  Status get_file(const std::string& name, const std::string& path) override;
  Status copy_file(const std::string& name, const std::string& path) override;
  Result<ObjectInfo> stat(const std::string& name) override;
  Result<ObjectSum> sum(const std::string& name) override;
  Result<std::vector<ObjectInfo>> list(const std::string& prefix) override;
  Status remove_all(std::span<const std::string> names) override;
  Result<std::string> create_if_absent(const std::string& name, std::string_view bytes) override;
  Result<std::string> compare_and_set(const std::string& name, const std::string& expected,
                                      std::string_view bytes) override;
  Status check() override;
  Result<int> sweep_leftovers(int64_t older_than_micros) override;

 private:
  DirectoryStore(Env& env, std::string dir) : env_(env), dir_(std::move(dir)) {}
  std::string path_of(const std::string& name) const { return join_path(dir_, name); }
  std::string incoming() const { return join_path(dir_, ".incoming"); }
  std::string incoming_path();
  Result<std::string> write_aside(std::string_view bytes);
  Result<ObjectSum> bring_aside(const LocalFile& file, const std::string& aside);
  Status make_parent(const std::string& name);
  Status move_in(const std::string& aside, const std::string& name);
  Status list_below(const std::string& folder, const std::string& prefix, std::vector<ObjectInfo>& found);
  Result<std::string> set_locked(const std::string& name, const std::string& expected,
                                 std::string_view bytes);

  Env& env_;
  const std::string dir_;
  std::mutex setting_;  // compare_and_set() of this process; others by the lock file
};

}  // namespace rideflow
