// A disk whose files can be memory: a FileSystem that is one, too, says so by being this.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "engine/status.h"

namespace rideflow {

class MappableFiles {
 public:
  virtual ~MappableFiles() = default;
  // A new file of so many zeros, as memory: what is stored there is in the file even when the process dies in
  // the next moment, but not when the machine does. In the place of a file that is there, whose memory stays
  // what it was. Any thread.
  virtual Result<std::shared_ptr<void>> map_new(const std::string& path, size_t bytes) = 0;
};

}  // namespace rideflow
