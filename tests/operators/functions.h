// Calling functions of the catalog from tests: one call with literals, and a check of a whole kernel against
// a slow reference over Values.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog.h"
#include "tests/support/random_column.h"

namespace rideflow::test {

const Catalog& functions();

// The call with its arguments cast as the function asks; aborts the test when nothing fits.
ExprRef call_function(const std::string& name, const std::vector<ExprRef>& args);
// What the binder says about these argument types, or "" when it takes them.
std::string bind_error(const std::string& name, const std::vector<Type>& types);

struct Typed {
  Value value;
  Type type;
};
// Literals for call_text: 3, 2.5, "text", true.
Typed lit(int v);
Typed lit(int64_t v);
Typed lit(double v);
Typed lit(bool v);
Typed lit(const char* v);
Typed null_lit(Type type = Kind::null);
Typed ts(const char* text);
Typed date(const char* text);
Typed span(const char* text);
Typed dec(const char* text, int precision, int scale);

// The result as text, "error: <reason>" when the row failed, "refused: <message>" when nothing fits.
std::string call_text(const std::string& name, const std::vector<Typed>& args);

// The expected result of one row, or nothing when the row must fail.
using RowFunction = std::function<std::optional<Value>(const std::vector<Value>&)>;

// Runs the function over random columns of these types, with and without nulls and with each argument as a
// constant, in batches of 1 and of many rows, and compares every row. Strict: rows with a null must be null.
// `make` draws the values of argument i; by default random_value.
void check_function(const std::string& name, const std::vector<Type>& types, const RowFunction& expected,
                    const std::function<Value(size_t, Random&)>& make = {}, bool strict = true);

}  // namespace rideflow::test
