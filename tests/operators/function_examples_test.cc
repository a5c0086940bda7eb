// The examples of the catalog are what the reference page prints: each must be true as written.
#include <gtest/gtest.h>

#include "dsl/expression_binder.h"
#include "dsl/expression_parser.h"
#include "tests/operators/functions.h"

namespace rideflow::test {
namespace function_examples_test {

class FunctionExample : public testing::TestWithParam<std::string> {};

TEST_P(FunctionExample, IsTrue) {
  const std::string text = functions().find_function(GetParam())->example;
  SCOPED_TRACE(text);
  ExpressionError error;
  const std::vector<TextPos> places(text.size() + 1, TextPos{1, 1});
  const AstRef ast = parse_expression(text, places, error);
  ASSERT_TRUE(ast != nullptr) << error.message;
  Diagnostics diagnostics;
  Binder binder(functions(), make_schema({}), diagnostics, "example");
  const ExprRef expr = binder.bind_condition(*ast);
  ASSERT_TRUE(expr != nullptr) << diagnostics.errors()[0].message;
  const auto value = eval_constant(expr);
  ASSERT_TRUE(value.ok()) << value.status().to_string();
  EXPECT_TRUE(value->is_true()) << "gave " << value->to_string();
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& entry : functions().functions()) out.push_back(entry.first);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Catalog, FunctionExample, testing::ValuesIn(names()),
                         [](const auto& test) { return "n" + std::to_string(test.index); });

}  // namespace function_examples_test
}  // namespace rideflow::test
