#include "tests/support/temp_dir.h"

#include <stdlib.h>

#include <filesystem>

#include "engine/status.h"

namespace rideflow::test {

TempDir::TempDir() {
  path_ = (std::filesystem::temp_directory_path() / "rideflow_test_XXXXXX").string();
  RF_CHECK(::mkdtemp(path_.data()) != nullptr);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace rideflow::test
