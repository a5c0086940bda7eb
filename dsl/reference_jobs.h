// The reference page of the job language: every key with an example, then what the values mean.
#pragma once

#include <string>

#include "engine/catalog.h"

namespace rideflow {

std::string jobs_page(const Catalog& catalog, std::string_view note);

}  // namespace rideflow
