// session: one row per key and burst of activity. session_state.cc keeps its state.
#include <algorithm>
#include <numeric>

#include "engine/compact.h"
#include "engine/rejected.h"
#include "operators/window/session_operator.h"

namespace rideflow {

namespace {
constexpr int64_t kRowsPerCall = 4096;
constexpr int32_t kLookupRows = 2048;
constexpr int64_t kSmallTable = 4096;
}  // namespace

SessionAggregate::SessionAggregate(std::shared_ptr<const StepConfig> config,
                                   std::unique_ptr<Accumulators> accumulators, SchemaRef schema)
    : config_(std::move(config)),
      spec_(*config_->window),
      gap_(spec_.gap.total_micros()),
      accumulators_(std::move(accumulators)),
      late_schema_(late_schema(*config_->input)),
      results_(*config_, *accumulators_, std::move(schema), false, kRejectedPort),
      encoder_(key_types(*config_)),
      pool_(std::make_shared<PagePool>(accumulators_->layout())),
      table_(std::make_unique<KeyedTable>(pool_)) {
  std::vector<Type> types;
  for (const Field& field : config_->input->fields()) types.push_back(field.type);
  row_codec_ = KeyEncoder::of_rows(std::move(types));
}

Status SessionAggregate::open(const OpenContext& context) {
  context_ = context;
  results_.open(context);
  return {};
}

Micros SessionAggregate::output_watermark(Micros watermark) const {
  return watermark < kNoTime + spec_.allowed_lateness ? kNoTime : watermark - spec_.allowed_lateness;
}

// Rows before it can be applied: nothing earlier is expected.
Micros SessionAggregate::cutoff_of(Micros watermark) const {
  return watermark == kEndOfTime ? kEndOfTime : output_watermark(watermark);
}

// ---- Rows in
// ----------------------------------------------------------------------------------------------------

Result<Progress> SessionAggregate::process(int, Batch& batch, Output& out) {
  if (batch.rows == 0) return Progress::done;
  if (!batch.event_time) return Status::internal("a session got rows without event time");
  const Micros* times = batch.event_times();
  if (*std::min_element(times, times + batch.rows) >= applied_until_) {
    hold(std::move(batch));
    return Progress::done;
  }
  std::vector<LateRow> late;
  std::vector<int32_t> rest;
  for (int32_t row = 0; row < batch.rows; ++row) {
    if (times[row] >= applied_until_) {
      rest.push_back(row);
    } else {
      late.push_back({row, {times[row], times[row] + gap_}, BehindReason::idle});
    }
  }
  out.emit(kLatePort, late_rows(batch, late, late_schema_));
  if (!rest.empty()) hold(take(batch, rest.data(), static_cast<int32_t>(rest.size())));
  return Progress::done;
}

void SessionAggregate::hold(Batch batch) {
  auto held = std::make_shared<HeldRows>();
  if (!batch.key_hash) batch.key_hash = hash_keys(batch, config_->keys);
  batch.origin = nullptr;
  batch.origin_row = {};
  batch.behind.clear();
  held->order.resize(static_cast<size_t>(batch.rows));
  std::iota(held->order.begin(), held->order.end(), 0);
  const Micros* times = batch.event_times();
  std::stable_sort(held->order.begin(), held->order.end(),
                   [times](int32_t a, int32_t b) { return times[a] < times[b]; });
  held->first_sequence = sequence_;
  sequence_ += batch.rows;
  if (context_.metrics) context_.metrics->rows_held.add(batch.rows);
  held->batch = rideflow::compact(std::move(batch));
  held_.push_back(std::move(held));
}

// ---- The watermark
// ----------------------------------------------------------------------------------------------

Result<Progress> SessionAggregate::on_watermark(Micros watermark, Output& out) {
  const Micros cutoff = cutoff_of(watermark);
  if (cutoff <= applied_until_) return Progress::done;
  if (phase_ == Phase::idle) {
    collect_due(cutoff);
    phase_ = Phase::apply;
  }
  int64_t budget = kRowsPerCall;
  if (phase_ == Phase::apply) {
    RF_ASSIGN(const bool done, apply_due(budget, out));
    if (!done) return Progress::again;
    phase_ = Phase::close;
  }
  if (phase_ == Phase::close) {
    RF_ASSIGN(const bool done, close_sessions(budget, out));
    if (!done) return Progress::again;
    phase_ = Phase::expire;
  }
  RF_ASSIGN(const bool done, expire_sessions(cutoff, budget, out));
  if (!done || (results_.pending() && !out.has_room())) return Progress::again;
  RF_TRY(results_.flush(out));
  phase_ = Phase::idle;
  due_ = Batch();
  applied_until_ = cutoff;
  if (table_->size() > kSmallTable && open_sessions_ < table_->size() / 2) compact();
  count_state();
  return Progress::done;
}

// The held rows before the cutoff as one batch in order of time.
void SessionAggregate::collect_due(Micros cutoff) {
  std::vector<Batch> parts;
  for (auto& held : held_) {
    size_t end = held->next;
    while (end < held->order.size() && held->time_at(end) < cutoff) ++end;
    if (end == held->next) continue;
    parts.push_back(
        take(held->batch, held->order.data() + held->next, static_cast<int32_t>(end - held->next)));
    held->next = end;
  }
  std::erase_if(held_, [](const auto& held) { return held->next == held->order.size(); });
  cursor_ = looked_up_ = 0;
  closing_.clear();
  closed_ = 0;
  due_ = Batch();
  if (parts.empty()) return;
  Batch all = parts.size() == 1 ? std::move(parts[0]) : concat(std::move(parts));
  const Micros* times = all.event_times();
  if (!std::is_sorted(times, times + all.rows)) {
    std::vector<int32_t> order(static_cast<size_t>(all.rows));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [times](int32_t a, int32_t b) { return times[a] < times[b]; });
    all = take(all, order.data(), all.rows);
  }
  due_ = std::move(all);
  const std::span<const Key> keys = encoder_.encode(due_, config_->keys);
  due_keys_.assign(keys.begin(), keys.end());
  rows_.resize(static_cast<size_t>(due_.rows));
  if (context_.metrics) {
    context_.metrics->rows_held.add(-due_.rows);
    context_.metrics->rows_absorbed.add(due_.rows);
  }
}

bool SessionAggregate::closes(int32_t row) const {
  if (!spec_.close_on) return false;
  const Column& condition = due_.column(spec_.close_on->index);
  return !condition.is_null(row) && condition.boolean(row);
}

Result<bool> SessionAggregate::apply_due(int64_t& budget, Output& out) {
  while (cursor_ < due_.rows) {
    if (budget-- <= 0 || blocked(out)) {
      update_pending();
      return false;
    }
    if (cursor_ == looked_up_) {
      const int32_t n = std::min(due_.rows - cursor_, kLookupRows);
      table_->lookup_or_insert(due_.key_hash.as<uint64_t>() + cursor_, due_keys_.data() + cursor_, nullptr, n,
                               rows_.data() + cursor_);
      looked_up_ = cursor_ + n;
    }
    RF_TRY(apply_row(cursor_++, out));
  }
  update_pending();
  return true;
}

Status SessionAggregate::apply_row(int32_t row, Output& out) {
  const auto i = static_cast<size_t>(row);
  const Micros time = due_.event_times()[row];
  std::byte* at = rows_[i];
  Session session = read_session(at);
  const bool over =
      session.state == Session::State::closing ? time > session.last : time - session.last >= gap_;
  if (session.state != Session::State::none && over) {
    update_pending();
    RF_TRY(give(at, out));
    session.state = Session::State::none;
  }
  if (session.state == Session::State::none) {
    begin(at, time, due_.key_hash.as<uint64_t>()[row]);
    session = read_session(at);
  }
  session.last = time;
  if (session.state == Session::State::open && closes(row)) {
    session.state = Session::State::closing;
    closing_.push_back(at);
  }
  write_session(at, session);
  pending_.push_back(row);
  return {};
}

void SessionAggregate::begin(std::byte* row, Micros time, uint64_t hash) {
  const RowLayout& layout = *accumulators_->layout();
  const int32_t mark = to_be_erased(read_session(row)) ? freezes_ - 1 : freezes_;
  layout.destroy(row);
  layout.init(row);
  write_session(row, {time, time, Session::State::open, mark});
  ++open_sessions_;
  timers_.push({time + gap_, time, hash, KeyedTable::key_of(row)});
}

void SessionAggregate::update_pending() {
  if (pending_.empty()) return;
  accumulators_->update(due_, rows_.data(), pending_.data(), static_cast<int32_t>(pending_.size()));
  pending_.clear();
}

// Gives the session of a row and leaves the row empty. REQUIRES: room, and no pending updates of it.
Status SessionAggregate::give(std::byte* row, Output& out) {
  const Session session = read_session(row);
  const bool closed = session.state == Session::State::closing;
  const TimeRange window{session.start, closed ? session.last + 1 : session.last + gap_};
  write_session(row, {0, 0, Session::State::none, session.mark < freezes_ ? freezes_ + 1 : 0});
  --open_sessions_;
  return results_.add(KeyedTable::key_of(row).view(), row, window, window.end - 1, 0, out);
}

// All rows of the instants that closed a session are in: rows are applied by whole instants.
Result<bool> SessionAggregate::close_sessions(int64_t& budget, Output& out) {
  for (; closed_ < closing_.size(); ++closed_) {
    if (budget-- <= 0 || blocked(out)) return false;
    // A later row may have given it already, and begun another.
    if (read_session(closing_[closed_]).state == Session::State::closing)
      RF_TRY(give(closing_[closed_], out));
  }
  return true;
}

Result<bool> SessionAggregate::expire_sessions(Micros cutoff, int64_t& budget, Output& out) {
  while (!timers_.empty() && timers_.top().at <= cutoff) {
    if (budget-- <= 0 || blocked(out)) return false;
    const Timer timer = timers_.top();
    timers_.pop();
    const std::byte* found = table_->find(timer.hash, timer.key);
    if (!found) continue;
    const Session session = read_session(found);
    if (session.state == Session::State::none || session.start != timer.start) continue;
    if (session.last + gap_ > cutoff) {
      timers_.push({session.last + gap_, timer.start, timer.hash, timer.key});
    } else {
      RF_TRY(give(table_->row_of(timer.hash, timer.key), out));
    }
  }
  return true;
}

// ---- Registration
// -----------------------------------------------------------------------------------------------

namespace {

Status check_session(const StepConfig& config) {
  if (!config.window || config.window->kind != WindowKind::session) {
    return Status::internal("a session step needs a session window");
  }
  const ExprRef& close_on = config.window->close_on;
  if (close_on && (close_on->op != ExprOp::column || close_on->type.kind != Kind::boolean)) {
    return Status::internal("close_on is not a column of true and false");
  }
  for (const Type& type : key_types(config)) RF_TRY(KeyEncoder::check(type));
  return {};
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(session) {
  using namespace rideflow;
  OperatorKind kind;
  kind.name = "session";
  kind.doc = "Aggregates by key over bursts of activity that end after a gap or at a row that closes them.";
  kind.of_clauses = true;
  kind.names_columns = true;
  kind.in_pictures = true;
  kind.outputs = {{"late", "rows that came after their time was done, because their input had been idle"},
                  {"rejected", "results that overflow their type"}};
  kind.keyed = true;
  kind.stateful = true;
  kind.output_schemas = [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    RF_TRY(check_session(config));
    return std::vector<SchemaRef>{window_schema(config, false, false), late_schema(*config.input),
                                  rejected_schema()};
  };
  kind.make = [](std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
    RF_TRY(check_session(*config));
    RF_ASSIGN(auto accumulators, Accumulators::make(*config, sizeof(SessionAggregate::Session)));
    SchemaRef schema = window_schema(*config, false, false);
    return std::unique_ptr<Operator>(
        std::make_unique<SessionAggregate>(std::move(config), std::move(accumulators), std::move(schema)));
  };
  catalog.add(std::move(kind));
}
