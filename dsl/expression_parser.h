// Expression text to a tree.
//
// Keywords and function names in any case, columns exactly. Limits: 64 KiB of text, depth 64, 4,096 nodes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dsl/expression_ast.h"
#include "engine/status.h"

namespace rideflow {

struct ExpressionError {
  TextPos pos;
  std::string message;
  bool at_end = false;  // the text stops too early: a quote or a parenthesis is open, a value is missing
};

// `places` says where each byte of the text, and its end, stands in the file (YamlDocument::places). Null,
// and `error` set, when it is not an expression.
AstRef parse_expression(std::string_view text, const std::vector<TextPos>& places, ExpressionError& error);

// "5 minutes", "1 hour 30 minutes", "-2 days", or a duration as options have it: "1h30m". Microseconds.
Result<int64_t> parse_interval(std::string_view text);

// The text of a column name as an expression has to spell it: with backticks where needed.
std::string quote_name(std::string_view name);

}  // namespace rideflow
