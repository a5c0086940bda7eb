// A folder of its own on the real disk for one test, removed with everything in it at the end.
#pragma once

#include <cstdint>
#include <string>

namespace rideflow::test {

class TempDir {
 public:
  TempDir();
  // In memory where this machine has room there: for tests that write much and cut no power.
  enum class Where : uint8_t { disk, memory };
  explicit TempDir(Where where);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace rideflow::test
