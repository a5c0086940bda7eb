// Topics of brokers, for commands: through the catalog's connector that has topics, whatever it talks to.
#pragma once

#include "engine/catalog.h"
#include "runtime/job_access.h"
#include "runtime/topic_access.h"

namespace rideflow {

// `cluster` as a job's `kafka:` section. Nothing is asked before the first call.
Result<std::unique_ptr<TopicAccess>> open_cluster_topics(Env& env, const Catalog& catalog, Options cluster,
                                                         const JobAccess& access);

}  // namespace rideflow
