// A place in a job's text. It survives into the plan, so that errors found late still point at the file.
#pragma once

namespace rideflow {

struct TextPos {
  int line = 0;    // from 1; 0: no place known
  int column = 0;  // from 1
};

}  // namespace rideflow
