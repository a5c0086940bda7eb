// Every kind of store in a world of its own, for the contract that all of them keep.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "objects/object_store.h"
#include "objects/s3_settings.h"

namespace rideflow::test {

class StoreWorld {
 public:
  virtual ~StoreWorld() = default;
  virtual Env& env() = 0;
  // The store of this world, as another process would open it: the same objects.
  virtual std::shared_ptr<ObjectStore> open() = 0;
  // Of a file of the local disk, in a directory that is there.
  virtual std::string local(const std::string& name) = 0;
  // A file above this size goes to the store in parts of this size, if it has parts at all.
  virtual size_t part_bytes() const { return 1000; }
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreWorld>()> make;
};
inline std::ostream& operator<<(std::ostream& out, const StoreKind& kind) {
  return out << kind.name;
}

// Directories on the real and on the virtual disk, S3 as its model (fake_s3.h), and, where the environment
// names a server (tests/s3/run), the real one.
std::vector<StoreKind> store_kinds();

// Of the real server that the environment names in RIDEFLOW_S3_URL, with these names below `prefix`; none
// where it names none.
std::optional<S3Settings> real_s3(const std::string& prefix);
S3CredentialSource real_s3_credentials();

// A file of the local disk, synced; the test fails where it can't be written.
void write_local(Env& env, const std::string& path, std::string_view bytes);
std::string read_local(Env& env, const std::string& path);  // or the error's text

}  // namespace rideflow::test
