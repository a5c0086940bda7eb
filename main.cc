#include <cstdio>
#include <string_view>

#include "generated/version.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "version") {
    std::puts("rideflow " RIDEFLOW_VERSION " (" RIDEFLOW_BUILD ")");
    return 0;
  }
  std::fputs("usage: rideflow version\n", stderr);
  return 1;
}
