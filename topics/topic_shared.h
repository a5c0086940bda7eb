// What the topics of one store share.
#pragma once

#include "topics/retention.h"

namespace rideflow {

struct TopicShared {
  TopicStoreUse use = TopicStoreUse::write;
  RetentionClock clock;
  ReadPositions positions;
};

}  // namespace rideflow
