// The parts of the planner, one file each: sources, steps, windows, sinks.
//
// Each returns nothing after adding an error.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/plan_builder.h"

namespace rideflow {

// `decode_all`: every column of the schema, whatever the demand (for checking: suggestions need all names).
std::optional<Rows> plan_source(PlanBuilder& builder, const SpecSource& source, const ColumnDemand& demand,
                                bool decode_all);

// A step over its inputs (several of a union).
std::optional<Rows> plan_step(PlanBuilder& builder, const SpecStream& stream,
                              const std::vector<Rows>& inputs);
// key_by, window, aggregate and having of a step.
std::optional<Rows> plan_window(PlanBuilder& builder, const SpecStream& stream, const Rows& input);

bool plan_sink(PlanBuilder& builder, const SpecSink& sink, const Rows& input);
// What can be said of a sink whose rows are not known, because its step has errors.
void check_sink(PlanBuilder& builder, const SpecSink& sink);
// A topic of this process that keeps what no sink asked for.
bool plan_kept_topic(PlanBuilder& builder, const std::string& step, const std::string& topic,
                     const Rows& input);

// A condition or expression of a step over a schema; null with an error added.
ExprRef bind_condition(PlanBuilder& builder, const SpecExpr& expr, const SchemaRef& schema,
                       const std::string& path);
ExprRef bind_expression(PlanBuilder& builder, const SpecExpr& expr, const SchemaRef& schema,
                        const std::string& path);

// What is said of a name in 'select' or 'key_by' that is no column: it may be an expression without a name.
std::string unknown_plain_column(const std::string& name, const Schema& schema);

// _topic, _partition, …: columns that a source adds when somebody reads them.
bool is_metadata(std::string_view name);

}  // namespace rideflow
