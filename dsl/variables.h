// ${VAR}, ${VAR:-default}, ${VAR:?message} and $$ in the values of a job file.
//
// Replaced after parsing and only inside scalar values, never in keys: a variable's value can't add YAML. A
// '$' before anything else stays. Replaced text is not looked at again, and a default holds no variables.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dsl/yaml_document.h"

namespace rideflow {

// The value of a variable, or nothing when it is not set. The command line gives --set and the environment.
using VariableLookup = std::function<std::optional<std::string>(std::string_view)>;

void replace_variables(YamlDocument& document, const VariableLookup& lookup, Diagnostics& diagnostics);

// What is wrong with text that a variable gave stands at the variable: its message says so, by name. (Not by
// value, which may be a secret.) Of a scalar whose variable could not be replaced only that is told.
void name_variables(const YamlDocument& document, std::vector<Diagnostic>& diagnostics);

}  // namespace rideflow
