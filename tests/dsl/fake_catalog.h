// A small catalog with the shapes of the real one, so that the tests of dsl/ depend on nobody's operators.
#pragma once

#include "engine/catalog.h"

namespace rideflow::test {

const Catalog& fake_catalog();

}  // namespace rideflow::test
