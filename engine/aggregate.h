// Aggregates: kernels over rows of accumulators.
//
// An accumulator is `state_size` bytes inside a row of a keyed table (engine/keyed_table.h). A kernel gets,
// for each input row, the pointer to its group's row; it is called once per batch, so a virtual call is paid
// per batch and aggregate, never per event. Accumulators that need memory of their own (sketches, distinct
// sets) hold one pointer to a reference-counted object: clone() shares it, and a writer copies it first when
// it is shared, so that freezing a table for a checkpoint costs nothing per key.
//
// Same input, same result, whatever the order, batching and merging (docs/semantics.md, Results): a contract
// test runs every aggregate of the catalog in shuffled orders and split in parts.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/builder.h"
#include "engine/column.h"
#include "engine/expr.h"

namespace rideflow {

// The input of one update: arguments and event times of n rows, and the group row of each.
struct AggregateInput {
  int32_t rows = 0;
  std::span<const KernelArg> args;
  const Micros* event_time = nullptr;  // null when the stream has none
  const int32_t* selection = nullptr;  // row numbers that count, `selected` of them; null: all
  int32_t selected = 0;
};

class Aggregate {
 public:
  virtual ~Aggregate() = default;

  virtual Type result_type() const = 0;
  virtual bool result_nullable() const = 0;
  virtual int state_size() const = 0;            // multiple of 8
  virtual bool trivial() const { return true; }  // plain bytes: memcpy clones, no destructor
  virtual bool can_subtract() const { return false; }

  virtual void init(std::byte* state) const = 0;
  virtual void destroy(std::byte* state) const { (void)state; }
  virtual void clone(std::byte* to, const std::byte* from) const;  // default: memcpy of state_size

  // rows[i] + offset is the accumulator of input row i (of selection[i] when a selection is given: rows is
  // then indexed by the row number too).
  virtual void update(const AggregateInput& in, std::byte* const* rows, int offset) const = 0;
  virtual void merge(std::byte* into, const std::byte* from) const = 0;
  virtual void subtract(std::byte* from, const std::byte* what) const;  // REQUIRES: can_subtract()

  // Appends one result. Fails (overflow) → Status with blame user; the caller rejects the result row.
  virtual Status finish(const std::byte* state, ColumnBuilder& out) const = 0;

  // The accumulator as bytes for checkpoints, exchanges and rollups; stable within a format version.
  virtual void encode(const std::byte* state, std::string& out) const = 0;
  // REQUIRES: state was init()ed. data_loss when the bytes are not an encoding.
  virtual Status decode(std::string_view bytes, std::byte* state) const = 0;
};

// What a job asked for: revenue: sum(fare) filter (where status = 'ride_completed').
struct AggregateCall {
  std::string name;      // the output column
  std::string function;  // catalog name: "sum"
  std::shared_ptr<const Aggregate> aggregate;
  std::vector<ExprRef> args;  // over the step's input
  ExprRef filter;             // may be null
  // Several calls may share one accumulator (approx_quantile of one column at several fractions): those with
  // the same `share` key have equal accumulators and differ in finish() only. Empty: shared with nobody.
  std::string share;
  TextPos pos;
};

}  // namespace rideflow
