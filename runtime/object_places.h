// Places that a command or a request names for savepoints and backups: the path of a directory, or
// "s3://BUCKET/PREFIX" (objects/s3_settings.h), whose credentials are in this process's environment.
#pragma once

#include <memory>
#include <string>

#include "engine/env.h"
#include "objects/object_store.h"

namespace rideflow {

bool is_bucket(std::string_view place);
// "word:/…": a bucket, or a mistake.
bool has_scheme(std::string_view place);
// "host:port" of the bucket's server. user error when the place is not one.
Result<std::string> bucket_address(const std::string& place);
// A directory is made when it is missing.
Result<std::shared_ptr<ObjectStore>> open_place(Env& env, const std::string& place);
// not_found (user) for a directory that is missing.
Result<std::shared_ptr<ObjectStore>> open_existing_place(Env& env, const std::string& place);
// The same of a savepoint, which may be a name in the data directory's savepoints/.
Result<std::shared_ptr<ObjectStore>> open_savepoint(Env& env, const std::string& place,
                                                    const std::string& data_dir);

}  // namespace rideflow
