// The reference pages of docs/reference/ are what the catalog of this build says.
#include "dsl/reference.h"

#include <cstdlib>
#include <fstream>

#include "tests/support/source_tree.h"

namespace rideflow::test {
namespace reference_test {

// After a change of the catalog: rideflow docs docs/reference (or RIDEFLOW_UPDATE_GOLDEN=1 test_dsl).
TEST(Reference, ThePagesAreFresh) {
  Catalog catalog;
  register_all(catalog);
  for (const ReferencePage& page : reference_pages(catalog)) {
    const std::string path = source_root() + "/docs/reference/" + page.file;
    if (std::getenv("RIDEFLOW_UPDATE_GOLDEN")) std::ofstream(path) << page.text;
    std::ifstream in(path);
    const std::string stored((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    EXPECT_TRUE(stored == page.text) << page.file << " is stale: run rideflow docs docs/reference";
  }
}

}  // namespace reference_test
}  // namespace rideflow::test
