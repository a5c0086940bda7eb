// Types of expressions: what converts by itself, and into what.
//
// Implicit conversions never lose a value that the wider type can hold: int32 to int64, integers and decimals
// to double, integers to decimals, a date to its midnight, NULL and text literals to what stands beside them.
#pragma once

#include <optional>
#include <string>

#include "engine/expr.h"
#include "engine/status.h"

namespace rideflow {

// The type that both convert to; nothing when there is none.
std::optional<Type> common_type(const Type& a, const Type& b);
// A decimal(p,s) that holds every value of an integer type.
Type decimal_of_integer(Kind kind);

// `expr` as `type`: itself, a converted literal, or a cast node. A text literal that is not a value of the
// type is a user error. REQUIRES: an implicit conversion exists, or the function's binding asked for it.
Result<ExprRef> coerce(const ExprRef& expr, const Type& type);

// The literal of a number's text: int64, or double when it has a point, an exponent or more than 18 digits.
Result<ExprRef> number_literal(const std::string& text, TextPos pos);
// The same as an exact decimal, nothing when it has an exponent or more than 38 digits.
std::optional<ExprRef> decimal_literal(const std::string& text, TextPos pos);

// Whether evaluating it can fail for a row.
bool can_fail(const Expr& expr);

}  // namespace rideflow
