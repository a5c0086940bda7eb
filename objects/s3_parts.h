// A large file in parts: each is sent, and sent again, by itself; the object appears with the last word.
#pragma once

#include <string>
#include <string_view>

#include "objects/s3_client.h"

namespace rideflow {

// Creates or replaces the object. After an error the parts that were sent are given up; where that fails too,
// they stay until sweep_leftovers().
Status s3_put_in_parts(S3Client& client, const std::string& name, std::string_view bytes);

// Ok when it is gone already.
Status s3_give_up_parts(S3Client& client, const std::string& name, const std::string& upload_id);

}  // namespace rideflow
