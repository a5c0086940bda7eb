// window: aggregates by key over tumbling, hopping, cumulating and global windows over slices
// (engine/window.h).
//
// It owns four parts and lets each do its own:
//   PaneAssignment  which pane counts which row of a batch
//   PaneStore       the tables: all keyed state, checkpoints, expiry
//   WindowStrategy  which window fires next, and how its rows are put together from panes
//   WindowEmission  when results are given, and as what
// Every row is counted once, into its pane. Firing is resumable: on_watermark() does a bounded piece of work
// and answers `again`. The results of one watermark share batches, however many windows they are of, and are
// out before it is done.
#include <algorithm>
#include <memory>
#include <vector>

#include "engine/byte_codec.h"
#include "engine/rejected.h"
#include "operators/window/window_strategy.h"

namespace rideflow {

namespace {

constexpr int64_t kEntriesPerCall = 8192;  // about half a millisecond of work
constexpr size_t kTablesCounted = 16;      // for the metrics, at a watermark

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

Result<std::unique_ptr<WindowAggregate>> WindowAggregate::make(std::shared_ptr<const StepConfig> config) {
  RF_ASSIGN(auto accumulators, Accumulators::make(*config, WindowRows::extra_bytes(WindowPlan(*config))));
  return std::unique_ptr<WindowAggregate>(new WindowAggregate(std::move(config), std::move(accumulators)));
}

SchemaRef WindowAggregate::output_schema(const StepConfig& config) {
  const WindowPlan plan(config);
  return window_schema(config, plan.global(), plan.revisions);
}

WindowAggregate::WindowAggregate(std::shared_ptr<const StepConfig> config,
                                 std::unique_ptr<Accumulators> accumulators)
    : config_(std::move(config)),
      plan_(*config_),
      accumulators_(std::move(accumulators)),
      rows_(plan_, accumulators_->layout()),
      late_schema_(late_schema(*config_->input)),
      store_(plan_, accumulators_->layout()),
      emission_(*config_, plan_, *accumulators_, output_schema(*config_), kRejectedPort),
      strategy_(make_window_strategy({plan_, rows_, *accumulators_, store_, emission_})),
      firing_(rows_, emission_),
      encoder_(key_types(*config_)) {
  store_.watch(strategy_.get());
}

Status WindowAggregate::open(const OpenContext& context) {
  context_ = context;
  emission_.open(context);
  return {};
}

Micros WindowAggregate::output_watermark(Micros watermark) const {
  const Micros lateness = plan_.spec.allowed_lateness;
  return watermark < kNoTime + lateness ? kNoTime : watermark - lateness;
}

// ---- Rows in
// ----------------------------------------------------------------------------------------------

Result<Progress> WindowAggregate::process(int, Batch& batch, Output& out) {
  if (batch.rows == 0) return Progress::done;
  if (!batch.event_time) return Status::internal("a window got rows without event time");
  store_.reclaim(batch.rows);
  assignment_.assign(batch, store_, plan_, watermark_);
  const std::span<const Key> keys = encoder_.encode(batch, config_->keys);
  places_.resize(static_cast<size_t>(batch.rows));
  const CountedBatch counted{batch, keys, hashes_of(batch, keys), places_.data()};
  const int32_t live = count(counted);
  strategy_->counted(assignment_.groups(), counted);
  if (context_.metrics) context_.metrics->rows_absorbed.add(live);
  const std::vector<LateRow>& late = assignment_.late();
  if (!late.empty()) out.emit(kLatePort, late_rows(batch, late, late_schema_));
  if (plan_.revisions) RF_TRY(update_fired(counted, out));
  return Progress::done;
}

const uint64_t* WindowAggregate::hashes_of(const Batch& batch, std::span<const Key> keys) {
  if (batch.key_hash) return batch.key_hash.as<uint64_t>();
  hashes_.clear();
  for (const Key& key : keys) hashes_.push_back(hash_key(key.view()));
  return hashes_.data();
}

// Into panes. The number of rows that have one.
int32_t WindowAggregate::count(const CountedBatch& counted) {
  const Batch& batch = counted.batch;
  const bool all = assignment_.late().empty();
  live_.clear();
  for (const PaneRows& group : assignment_.groups()) {
    group.pane->table->lookup_or_insert(counted.hashes, counted.keys.data(), group.selection(),
                                        group.count(batch), places_.data());
    if (!all) live_.insert(live_.end(), group.rows.begin(), group.rows.end());
  }
  const auto live = all ? batch.rows : static_cast<int32_t>(live_.size());
  if (live > 0) accumulators_->update(batch, places_.data(), all ? nullptr : live_.data(), live);
  if (rows_.keeps_time()) {  // of global windows, to which no row is late
    const Micros* times = batch.event_times();
    for (int32_t row = 0; row < batch.rows; ++row)
      WindowRows::note_time(places_[static_cast<size_t>(row)], times[row]);
  }
  return live;
}

Status WindowAggregate::update_fired(const CountedBatch& counted, Output& out) {
  if (watermark_ == kNoTime) return {};
  for (const PaneRows& group : assignment_.groups())
    RF_TRY(strategy_->update(group, counted, watermark_, out));
  return emission_.flush(out);
}

// ---- Results out
// ----------------------------------------------------------------------------------------------

Result<Progress> WindowAggregate::on_watermark(Micros watermark, Output& out) {
  if (watermark <= watermark_) return Progress::done;
  int64_t budget = kEntriesPerCall;
  store_.reclaim(budget);
  while (firing_.active() || next_firing(watermark)) {
    RF_ASSIGN(const bool done, run_firing(budget, out));
    if (!done) return Progress::again;
    end_firing(budget);
    if (budget <= 0) return Progress::again;
  }
  // Windows that fire one after the other share a batch.
  if (emission_.pending() && !out.has_room()) return Progress::again;
  RF_TRY(emission_.flush(out));
  if (!store_.drop_expired(watermark, budget)) return Progress::again;
  watermark_ = watermark;
  fired_ = Fired{watermark, kEndOfTime};
  if (++uncounted_ * kTablesCounted >= store_.tables() || watermark == kEndOfTime) count_state();
  return Progress::done;
}

bool WindowAggregate::next_firing(Micros watermark) {
  Firing firing;
  if (!strategy_->next(watermark, fired_, firing)) return false;
  firing_.begin(std::move(firing));
  return true;
}

Result<bool> WindowAggregate::run_firing(int64_t& budget, Output& out) {
  if (!firing_.given()) {
    RF_ASSIGN(const bool given, firing_.give(budget, out));
    if (!given) return false;
    if (strategy_->begin_anew(firing_.rows(), firing_.empty_rows())) firing_.leave_rest();
  }
  return firing_.finish(budget);
}

void WindowAggregate::end_firing(int64_t& budget) {
  fired_ = Fired{firing_.firing().at, firing_.firing().start};
  for (Pane* pane : firing_.firing().finished) store_.drop(*pane);
  firing_.end();
  budget -= PaneStore::kEntriesPerTable;
  // Where many windows fire at once, the tables of the first serve those that follow.
  if (plan_.mode == WindowPlan::Mode::direct) store_.drop_expired(fired_.at, budget);
}

// Of many tables the metrics are some watermarks old: counting must not cost more than firing.
void WindowAggregate::count_state() {
  uncounted_ = 0;
  if (!context_.metrics) return;
  const PaneStore::Size size = store_.size();
  context_.metrics->state_keys.set(size.keys);
  context_.metrics->state_bytes.set(static_cast<int64_t>(size.bytes + strategy_->derived_bytes()));
}

// ---- State
// ------------------------------------------------------------------------------------------------------

std::unique_ptr<FrozenState> WindowAggregate::freeze(Epoch) {
  return store_.freeze(context_.range, context_.key_groups);
}

Status WindowAggregate::restore(StateTable& table) {
  return store_.restore(table, context_.range);
}

Result<std::string> WindowAggregate::migrate_cell(const CellKey& cell, std::string_view value,
                                                  const StateMigration& migration) const {
  return PaneStore::migrate_cell(plan_, row_layout(), cell, value, migration);
}

std::string WindowAggregate::small_state() {
  std::string out;
  append_fixed(out, watermark_);
  return out;
}

Status WindowAggregate::restore_small_state(std::span<const std::string> blobs) {
  for (const std::string& blob : blobs) {
    ByteReader in(blob);
    watermark_ = std::max(watermark_, in.get<Micros>());
    if (!in.complete())
      return Status::external(Code::data_loss, "The state of a window step does not decode.");
  }
  fired_.at = watermark_;
  return {};
}

// ---- Registration
// -----------------------------------------------------------------------------------------------

Status check_window(const StepConfig& config) {
  if (!config.window) return Status::internal("a window step needs a window");
  if (config.window->kind == WindowKind::session) return Status::internal("sessions are a step of their own");
  for (const Type& type : key_types(config)) RF_TRY(KeyEncoder::check(type));
  return {};
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(window) {
  using namespace rideflow;
  OperatorKind kind;
  kind.name = "window";
  kind.doc = "Aggregates by key over tumbling, hopping, cumulating and global windows of event time.";
  kind.of_clauses = true;
  kind.names_columns = true;
  kind.in_pictures = true;
  kind.outputs = {{"late", "rows whose windows are gone, because their input had been idle"},
                  {"rejected", "results that overflow their type"}};
  kind.keyed = true;
  kind.stateful = true;
  kind.output_schemas = [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    RF_TRY(check_window(config));
    return std::vector<SchemaRef>{WindowAggregate::output_schema(config), late_schema(*config.input),
                                  rejected_schema()};
  };
  kind.make = [](std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
    RF_TRY(check_window(*config));
    RF_ASSIGN(auto made, WindowAggregate::make(std::move(config)));
    return std::unique_ptr<Operator>(std::move(made));
  };
  catalog.add(std::move(kind));
}
