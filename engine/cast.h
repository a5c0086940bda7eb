// Casts: which types convert to which, and the conversion of whole columns.
//
// Rules: double to integer and decimal to a smaller scale round half away from zero; text may have spaces
// around a number, date or time; bool reads true/false, t/f, yes/no, 1/0 in any case; a date is its midnight
// UTC; an interval reads as a duration ("1h30m", "PT1H30M", a sign in front allowed); lists and structures
// convert to text as JSON. Pure functions, thread-safe.
#pragma once

#include <optional>

#include "engine/expr.h"

namespace rideflow {

bool can_cast(const Type& from, const Type& to);
// False when every value of `from` has one in `to`.
bool cast_can_fail(const Type& from, const Type& to);

// The type that values of both meet in: of `case` branches, `in` lists, comparisons. int32 < int64 < decimal
// < double; date < timestamp; NULL takes any. Nothing when they have none. Text meets only text.
std::optional<Type> common_type(const Type& a, const Type& b);

// The column as `to`. Rows that do not convert are null, and reported to `errors` when given (cast; null for
// try_cast) with a reason such as "cannot cast 'abc' to int64". Rows that are null or not `active` (null: all
// are) never fail. REQUIRES: can_cast(column.type, to).
Column cast_column(const Column& column, const Type& to, const uint8_t* active, RowErrors* errors);

}  // namespace rideflow
