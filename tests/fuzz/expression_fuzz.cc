// Any bytes as an expression: a tree within the limits or an error with a place; then bound to columns.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "dsl/expression_binder.h"
#include "dsl/expression_parser.h"

namespace {

using rideflow::Kind;
using rideflow::Type;

const rideflow::Catalog& catalog() {
  static const rideflow::Catalog all = [] {
    rideflow::Catalog made;
    rideflow::register_all(made);
    return made;
  }();
  return all;
}

rideflow::SchemaRef schema() {
  static const rideflow::SchemaRef columns =
      rideflow::make_schema({{"s", Type(Kind::string), true},
                             {"x", Type(Kind::float64), true},
                             {"n", Type(Kind::int64), false},
                             {"d", Type::decimal(10, 2), true},
                             {"t", Type(Kind::timestamp), false},
                             {"b", Type(Kind::boolean), true},
                             {"p", Type::structure({{"lat", Type(Kind::float64), false}}), true}});
  return columns;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<rideflow::TextPos> places(size + 1, rideflow::TextPos{1, 1});
  rideflow::ExpressionError error;
  const rideflow::AstRef ast = rideflow::parse_expression(text, places, error);
  if (!ast && error.message.empty()) std::abort();
  if (!ast) return 0;
  if (ast->depth > rideflow::kMaxExpressionDepth) std::abort();
  rideflow::Diagnostics diagnostics;
  rideflow::Binder binder(catalog(), schema(), diagnostics, "");
  const rideflow::ExprRef expr = binder.bind(*ast);
  if (!expr && diagnostics.ok()) std::abort();
  if (expr && to_string(*expr, *schema()).empty()) std::abort();
  return 0;
}
