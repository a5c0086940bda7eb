// The manifest: the file of a checkpoint (engine/checkpoint.h).
//
// The bytes: a first line "rideflow-checkpoint <format> <least reader> <bytes> <checksum>", then tagged
// sections. A reader skips sections that it does not know, if the least reader that the writer named is not
// newer than itself; so a later version can add without breaking an earlier one.
#pragma once

#include <string>
#include <string_view>

#include "engine/checkpoint.h"
#include "engine/status.h"

namespace rideflow {

inline constexpr uint32_t kManifestFormat = 1;
inline constexpr uint32_t kManifestLeastReader = 1;

std::string encode_manifest(const Checkpoint& checkpoint);
// data_loss: damaged. failed_precondition (user): written by a Rideflow too new for this one.
Result<Checkpoint> decode_manifest(std::string_view bytes);

}  // namespace rideflow
