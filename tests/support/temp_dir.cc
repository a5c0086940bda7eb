#include "tests/support/temp_dir.h"

#include <stdlib.h>

#include <filesystem>

#include "engine/status.h"

namespace rideflow::test {

namespace {

constexpr std::string_view kMemory = "/dev/shm";
constexpr uintmax_t kRoom = uintmax_t{512} << 20;

std::filesystem::path place(TempDir::Where where) {
  std::error_code none;
  if (where == TempDir::Where::memory) {
    const std::filesystem::space_info space = std::filesystem::space(kMemory, none);
    if (!none && space.available != static_cast<uintmax_t>(-1) && space.available >= kRoom) return kMemory;
  }
  return std::filesystem::temp_directory_path();
}

}  // namespace

TempDir::TempDir() : TempDir(Where::disk) {}

TempDir::TempDir(Where where) {
  path_ = (place(where) / "rideflow_test_XXXXXX").string();
  RF_CHECK(::mkdtemp(path_.data()) != nullptr);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace rideflow::test
