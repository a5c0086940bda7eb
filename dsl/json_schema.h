// The JSON Schema of the job language, for editors: completion, hover text and first checks while typing.
//
// Generated from the catalog, so that it knows every connector, format and operator of this build. Draft 7,
// which editors' YAML servers read.
#pragma once

#include <string>

#include "engine/catalog.h"

namespace rideflow {

std::string job_json_schema(const Catalog& catalog);

}  // namespace rideflow
