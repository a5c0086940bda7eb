// Aggregates out of the expressions around them.
//
// `first(a) filter (where x) - first(b)` becomes two aggregate calls over the step's input and one expression
// over their results; equal calls are computed once.
#pragma once

#include <string>
#include <vector>

#include "dsl/expression_binder.h"
#include "dsl/job_spec.h"

namespace rideflow {

// One aggregate call over rows of the binder's schema; nothing when an error was added. `place` is where it
// is used: windows refuse an approx_quantile without a fraction, rollups keep its sketch.
enum class AggregatePlace : uint8_t { window, rollup };
std::optional<AggregateCall> bind_aggregate_call(Binder& input, const Ast& call, const AggregateKind& kind,
                                                 AggregatePlace place);

struct BoundAggregates {
  std::vector<AggregateCall> calls;  // names: the user's where the whole expression is the call, else _agg_N
  // The user's columns, over the schema [keys, window_start, window_end, calls…] below.
  std::vector<NamedExpr> outputs;
  SchemaRef results;
  bool plain = true;  // every output is a call of the same name: no projection needed
};
// `keys` are the fields that stand before the window's bounds.
BoundAggregates bind_aggregates(const Catalog& catalog, const SchemaRef& input,
                                const std::vector<Field>& keys, const std::vector<SpecNamed>& aggregates,
                                const std::string& path, Diagnostics& diagnostics);

}  // namespace rideflow
