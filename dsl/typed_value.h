// Values of job tests: what stands in YAML, as a value of a column's type.
#pragma once

#include <string>

#include "dsl/yaml_document.h"
#include "engine/status.h"
#include "engine/value.h"

namespace rideflow {

// Bytes are the text itself; timestamps, dates and intervals as the language writes them; structures are maps
// (fields that are not named are null), lists are lists. The error says what would have been right.
Result<Value> value_of(const YamlNode& node, const Type& type, bool nullable);

// What a column that a row does not name holds: null, or zero, false, '' and 1970 where null is not allowed.
Value default_value(const Type& type, bool nullable);

}  // namespace rideflow
