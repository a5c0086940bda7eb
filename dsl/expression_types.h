// Literals and implicit conversions of expressions (engine/cast.h has the rules between types).
#pragma once

#include <optional>
#include <string>

#include "engine/expr.h"
#include "engine/status.h"

namespace rideflow {

// `expr` as `type`: itself, a converted literal, or a cast node. A text literal that is not a value of the
// type is a user error. REQUIRES: an implicit conversion exists, or the function's binding asked for it.
Result<ExprRef> coerce(const ExprRef& expr, const Type& type);

// The literal of a number's text: int64, or double when it has a point, an exponent or more than 18 digits.
Result<ExprRef> number_literal(const std::string& text, TextPos pos);
// The same as an exact decimal, nothing when it has an exponent or more than 38 digits.
std::optional<ExprRef> decimal_literal(const std::string& text, TextPos pos);

// "a string", "an int64": for messages.
std::string with_article(const Type& type);

// Whether evaluating it can fail for a row.
bool can_fail(const Expr& expr);

}  // namespace rideflow
