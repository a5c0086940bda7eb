// Events in memory: the generator's, those of rides also with keys of a chosen number of drivers.
//
// Deterministic: the same options give the same bytes. Immutable once made; readable to 64 bytes past the
// end.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/buffer.h"
#include "engine/status.h"
#include "operators/generator.h"

namespace rideflow::bench {

struct RideOptions {
  int64_t events = 0;
  int64_t drivers = 1000;
  bool in_turn = false;   // drivers come one after the other, so that all of them do; else at random
  double rate = 100'000;  // events per second of event time
  double reordered = 0;   // share of events whose fields stand in another order
  double optional = 0;    // share of events without distance_km
  double escaped = 0;     // share of events with an escape in a string
};

class RideData {
 public:
  // Above six million events without fields that ride_window does not read: a chunk may have 2 GiB at most.
  static Result<RideData> make(const RideOptions& options);
  // Events `first` and the following of the generator, as they are.
  static Result<RideData> generate(const GeneratorOptions& options, int64_t first, int64_t events);

  int64_t events() const { return static_cast<int64_t>(ends_.size()) - 1; }
  std::string_view event(int64_t i) const {
    const size_t begin = ends_[static_cast<size_t>(i)];
    return bytes_.view().substr(begin, ends_[static_cast<size_t>(i) + 1] - begin);
  }
  const BufferRef& bytes() const { return bytes_; }

 private:
  // Appends event i to the text.
  using Append = std::function<Status(int64_t i, std::string& text)>;
  static Result<RideData> gather(int64_t events, const Append& append);

  BufferRef bytes_;
  std::vector<size_t> ends_;  // of event i - 1
};

}  // namespace rideflow::bench
