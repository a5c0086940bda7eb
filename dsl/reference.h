// The reference pages of docs/reference/, written from the catalog's own descriptions.
//
// A test compares the files with these texts; RIDEFLOW_UPDATE_GOLDEN=1 makes it write them.
#pragma once

#include <string>
#include <vector>

#include "engine/catalog.h"

namespace rideflow {

struct ReferencePage {
  std::string file;  // "connectors.md"
  std::string text;
};

std::vector<ReferencePage> reference_pages(const Catalog& catalog);

}  // namespace rideflow
