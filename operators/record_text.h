// What text decoders need of records before they look at them.
#pragma once

#include <memory>
#include <string_view>

#include "engine/batch.h"

namespace rideflow {

// Fast on plain ASCII. Reads up to 16 bytes past the end: the text must lie in padded memory.
bool is_valid_record_text(std::string_view text);
// The same, of text that is not plain ASCII.
bool is_utf8(std::string_view text);

// The chunk itself when all its payloads lie in its arena, else a copy for which that is true (origins that
// no reader made). A record without a value has an empty one there.
std::shared_ptr<const Origin> with_arena(const std::shared_ptr<const Origin>& chunk);

}  // namespace rideflow
