// SHA-256, which S3 wants to be told of every body that is sent: the server compares it with what arrived.
#pragma once

#include <string>
#include <string_view>

namespace rideflow {

std::string sha256_hex(std::string_view bytes);

}  // namespace rideflow
