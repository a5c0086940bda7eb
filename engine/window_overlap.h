// Hopping windows of any size and slide: several may hold a time, or none.
#pragma once

#include "engine/window.h"

namespace rideflow {

// A time may be in more than one window.
bool windows_overlap(const WindowSpec& spec);

// A time may be in no window: the slide is longer than the size.
bool windows_have_gaps(const WindowSpec& spec);
// REQUIRES: windows_have_gaps(spec).
bool is_in_gap(const WindowSpec& spec, Micros t);

}  // namespace rideflow
