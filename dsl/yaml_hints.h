// What a user most likely meant where YAML stops being YAML.
#pragma once

#include <string>
#include <string_view>

#include "engine/text_pos.h"

namespace rideflow {

struct YamlHint {
  TextPos pos;  // where the cause is, often earlier than where the parser gave up
  std::string message;
};
// For yaml-cpp's message at a place.
YamlHint explain_syntax_error(std::string_view text, TextPos pos, std::string_view parser_message);

// +1 for each '(' and -1 for each ')' outside '…' strings.
int parenthesis_balance(std::string_view expression);

}  // namespace rideflow
