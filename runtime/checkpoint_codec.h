// A JobCheckpoint as bytes: format version, fields, checksum. Reading damaged or newer bytes fails by name.
#pragma once

#include <string>
#include <string_view>

#include "runtime/job_storage.h"

namespace rideflow {

std::string encode_checkpoint(const JobCheckpoint& checkpoint);
// data_loss when damaged; failed_precondition when a newer version wrote it.
Result<JobCheckpoint> decode_checkpoint(std::string_view bytes);

}  // namespace rideflow
