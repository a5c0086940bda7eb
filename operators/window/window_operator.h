// WindowAggregate: tumbling, hopping, cumulating and global windows over slices (engine/window.h).
//
// It owns four parts and lets each do its own:
//   PaneAssignment  which pane counts which row of a batch
//   PaneStore       the tables: all keyed state, checkpoints, expiry
//   WindowStrategy  which window fires next, and how its rows are put together from panes
//   WindowEmission  when results are given, and as what
// Every row is counted once, into its pane. Firing is resumable: on_watermark() does a bounded piece of work
// and answers `again`. The results of one watermark share batches, however many windows they are of, and are
// out before it is done.
#pragma once

#include <memory>
#include <vector>

#include "operators/window/window_strategy.h"

namespace rideflow {

class WindowAggregate : public Operator, public MigratesState {
 public:
  static constexpr int kLatePort = 1;
  static constexpr int kRejectedPort = 2;

  static Result<std::unique_ptr<WindowAggregate>> make(std::shared_ptr<const StepConfig> config);
  static SchemaRef output_schema(const StepConfig& config);

  Status open(const OpenContext& context) override;
  Result<Progress> process(int input_port, Batch& batch, Output& out) override;
  Result<Progress> on_watermark(Micros watermark, Output& out) override;
  Micros output_watermark(Micros watermark) const override;
  std::unique_ptr<FrozenState> freeze(Epoch epoch) override;
  Status restore(StateTable& table) override;
  std::string small_state() override;
  Status restore_small_state(std::span<const std::string> blobs) override;
  const RowLayout& row_layout() const override { return rows_.layout(); }
  Result<std::string> migrate_cell(const CellKey& cell, std::string_view value,
                                   const StateMigration& migration) const override;

 private:
  WindowAggregate(std::shared_ptr<const StepConfig> config, std::unique_ptr<Accumulators> accumulators);

  const uint64_t* hashes_of(const Batch& batch, std::span<const Key> keys);
  int32_t count(const CountedBatch& counted);
  Status update_fired(const CountedBatch& counted, Output& out);
  bool next_firing(Micros watermark);
  Result<bool> run_firing(int64_t& budget, Output& out);
  void end_firing(int64_t& budget);
  void count_state();

  std::shared_ptr<const StepConfig> config_;
  const WindowPlan plan_;
  std::unique_ptr<Accumulators> accumulators_;
  const WindowRows rows_;
  SchemaRef late_schema_;
  PaneStore store_;
  WindowEmission emission_;
  std::unique_ptr<WindowStrategy> strategy_;
  WindowFiring firing_;
  OpenContext context_;

  Micros watermark_ = kNoTime;  // all that it fires has fired
  Fired fired_;                 // the same, and goes on while a watermark is worked through
  size_t uncounted_ = 0;        // watermarks since the metrics were set

  PaneAssignment assignment_;
  KeyEncoder encoder_;  // and scratch of one batch:
  std::vector<int32_t> live_;
  std::vector<uint64_t> hashes_;
  std::vector<std::byte*> places_;
};

}  // namespace rideflow
