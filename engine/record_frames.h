// Records behind each other in a file that only grows: magic, bytes of the body, checksum of the body, body.
// What the commit logs of topics and rollups are made of.
//
// One record is written and synced at a time, so only the last one can be torn by a crash. Whatever else does
// not read is damage, and told apart in two ways: whole records stand behind it, or it was acknowledged
// (engine/acknowledged.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/status.h"

namespace rideflow {

std::string frame_record(uint32_t magic, std::string_view body);

// Visits the bodies of whole records from the start of `bytes`; answers how many bytes they are. What follows
// is no record. A Status of visit ends it.
Result<size_t> visit_records(std::string_view bytes, uint32_t magic,
                             const std::function<Status(std::string_view)>& visit);

// ok: what stands behind the `whole` bytes of whole records can be a torn tail. Otherwise data_loss that
// names the file, the place and the way out: `remedy` follows "restore the file from a copy, or ".
// `acknowledged` is how many bytes are known to have been durable.
Status check_tail(std::string_view bytes, uint32_t magic, size_t whole, int64_t acknowledged,
                  const std::string& path, std::string_view remedy);

}  // namespace rideflow
