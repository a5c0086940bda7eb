#include "engine/catalog.h"
#include "runtime/cli/cli.h"

// The one place that sees every room: fills the catalog and hands it to the runtime.
int main(int argc, char** argv) {
  rideflow::Catalog catalog;
  rideflow::register_all(catalog);
  return rideflow::run_cli(argc, argv, catalog);
}
