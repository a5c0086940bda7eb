// Which columns of each source and step somebody reads, by name: only these are decoded.
//
// Computed on the written job, before types are known: the columns that expressions name, and all columns
// where a sink writes whole rows.
#pragma once

#include <map>
#include <set>
#include <string>

#include "dsl/job_spec.h"

namespace rideflow {

struct ColumnDemand {
  bool all = false;
  std::set<std::string> names;  // metadata columns (_topic, …) only ever by name
  bool live = false;            // rows of it reach a sink
};

// By name of source and step. Cycles and unknown names are told elsewhere.
std::map<std::string, ColumnDemand> column_demand(const JobSpec& spec, const Catalog& catalog);

}  // namespace rideflow
