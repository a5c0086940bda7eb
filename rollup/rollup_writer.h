// The RollupWriter of one shard: turns batches into codes and adds them to the shard's cells.
#pragma once

#include <memory>

#include "rollup/datasource.h"

namespace rideflow::rollup {

std::unique_ptr<RollupWriter> make_writer(std::shared_ptr<Datasource> datasource, const RollupWriterId& id);

}  // namespace rideflow::rollup
