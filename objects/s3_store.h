// Objects in a bucket of S3, or of a server that speaks it: the object "files/a" is the key PREFIX/files/a.
//
// Beside each object stands checksum64() of its bytes, verified whenever it is read, and for conditional
// writes a random mark, by which a writer whose answer was lost finds out whether it was the one that wrote.
// The server is told SHA-256 of every body and refuses another one. Large files go in parts; only a whole
// upload becomes an object.
//
// Thread-safety: as ObjectStore. `env` outlives it. Credentials are never in a message or a log.
#pragma once

#include <memory>

#include "objects/object_store.h"
#include "objects/s3_client.h"

namespace rideflow {

class S3Store : public ObjectStore {
 public:
  // Asks nothing of the server yet: check() does.
  S3Store(Env& env, S3Settings settings, S3CredentialSource credentials,
          std::shared_ptr<HttpTransport> transport);

  std::string describe() const override { return client_.settings().url(); }
  Lane lane() const override { return Lane::others; }

  Status put(const std::string& name, std::string_view bytes) override;
  Result<std::vector<ObjectSum>> put_files(std::span<const LocalFile> files) override;
  Result<Object> get(const std::string& name, int64_t max_bytes) override;
  Status get_file(const std::string& name, const std::string& path) override;
  Status copy_file(const std::string& name, const std::string& path) override { return get_file(name, path); }
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
  struct Head {
    std::string version, checksum, mark;
    int64_t bytes = 0;
    Micros modified = 0;
  };
  Result<Head> head(const std::string& name);
  Result<Head> head_once(const std::string& name);
  Result<bool> is_missing(const std::string& name);
  Result<ObjectSum> put_file_of(const LocalFile& file);
  Status fetch(const std::string& name, const std::string& path, const std::string& part);
  Result<std::string> put_if(const std::string& name, std::string_view bytes, std::string_view header,
                             const std::string& value);
  Status check_conditions(const std::string& name);

  S3Client client_;
};

// An S3Store over libcurl, of a URL as s3_settings() reads it.
std::shared_ptr<ObjectStore> open_s3_store(Env& env, S3Settings settings, S3CredentialSource credentials);

}  // namespace rideflow
