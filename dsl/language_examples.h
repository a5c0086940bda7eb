// The examples of the language's reference page: whole jobs, each checked and run by a test, and what of them
// shows one key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dsl/language.h"
#include "dsl/yaml_document.h"

namespace rideflow {

struct LanguageExample {
  std::string_view title;
  std::string_view section;  // the path of the section behind which the page shows it
  std::string_view text;
};
const std::vector<LanguageExample>& language_examples();

// How the first example that uses a key writes it, as one line of YAML: "allowed_lateness: 1d". Long maps and
// lists end with "…". Empty when no example has the key.
std::string example_line(const LanguageSection& section, const LanguageKey& key);

// A value of a job as it stands behind its key in one line.
std::string flow_text(const YamlNode& node);

}  // namespace rideflow
