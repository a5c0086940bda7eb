#include "engine/source_driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/builder.h"
#include "engine/rejected.h"
#include "engine/source_positions.h"
#include "engine/time.h"
#include "engine/utf8.h"

namespace rideflow {
namespace {

constexpr Micros kDiscoveryPeriod = 2 * kMicrosPerSecond;
constexpr Micros kPublishPeriod = kMicrosPerSecond / 2;
constexpr int64_t kMaxBackoff = 10 * kMicrosPerSecond;
// A wait is told after the first of these, and again after every further one of the second.
constexpr Micros kLongWait = 60 * kMicrosPerSecond;
constexpr Micros kWarnAgain = 600 * kMicrosPerSecond;

// Event times of a batch: the column's own buffer where it has no nulls, else a copy.
BufferRef times_of(const Column& column) {
  return column.data;
}

BufferRef times_of_records(const Batch& batch) {
  BufferRef times = BufferRef::allocate(static_cast<size_t>(batch.rows) * sizeof(Micros));
  for (int32_t i = 0; i < batch.rows; ++i) times.as_mutable<Micros>()[i] = batch.record(i).timestamp;
  return times;
}

// A list of structures of name and value.
void append_headers(ColumnBuilder& column, const Batch& batch, int32_t row) {
  ColumnBuilder& pair = column.child(0);
  for (const RecordHeader& header : batch.origin->headers_of(batch.record_index(row))) {
    pair.child(0).append_string(header.name);
    if (header.value.data() == nullptr) {
      pair.child(1).append_null();
    } else {
      pair.child(1).append_string(header.value);
    }
    pair.end_struct();
  }
  column.end_list();
}

// The record's key and the names of its headers, where the job reads them and they are no text. Empty: all is
// well.
std::string unreadable_metadata(const Batch& batch, int32_t row, const std::vector<Metadata>& read) {
  for (const Metadata metadata : read) {
    if (metadata == Metadata::key && !is_valid_utf8(batch.record(row).key)) return "_key";
    if (metadata != Metadata::headers) continue;
    for (const RecordHeader& header : batch.origin->headers_of(batch.record_index(row))) {
      if (!is_valid_utf8(header.name)) return "_headers";  // a header's value is bytes
    }
  }
  return {};
}

// Columns of text hold UTF-8: rows whose key or headers are other bytes leave the batch.
void reject_unreadable(Batch& batch, const std::vector<Metadata>& read,
                       std::vector<RejectedRecord>& rejected) {
  const auto is_text = [](Metadata m) { return m == Metadata::key || m == Metadata::headers; };
  if (std::none_of(read.begin(), read.end(), is_text)) return;
  std::vector<int32_t> keep;
  for (int32_t i = 0; i < batch.rows; ++i) {
    const std::string column = unreadable_metadata(batch, i, read);
    if (column.empty()) {
      keep.push_back(i);
    } else {
      rejected.push_back(
          {static_cast<int32_t>(batch.record_index(i)), column + " is not valid UTF-8", "column " + column});
    }
  }
  if (static_cast<int32_t>(keep.size()) < batch.rows)
    batch = take(batch, keep.data(), static_cast<int32_t>(keep.size()));
}

}  // namespace

SourceDriver::SourceDriver(const SourceNode& node, std::string step, SchemaRef output, SourceMetrics* metrics)
    : node_(node),
      step_(std::move(step)),
      output_(std::move(output)),
      metrics_(metrics),
      clock_(node.event_time) {}

Status SourceDriver::open(const OpenContext& context, const std::vector<std::string>& shards) {
  context_ = context;
  context_.restored = !shards.empty();
  if (note_) note_->begin(step_, context.shard.value);
  RF_ASSIGN(reader_, node_.kind->make(node_.config));
  RF_TRY(reader_->open(context_));
  RF_ASSIGN(decoder_, node_.format->make_decoder(node_.decoder, node_.format_options));
  if (node_.decoder.event_time >= 0) {
    const auto& field = node_.decoder.columns[static_cast<size_t>(node_.decoder.event_time)].field;
    const auto found = decoder_->schema()->find(field.name);
    RF_CHECK(found.has_value());
    event_time_column_ = *found;
  }
  if (peers_) peers_->set_waker(place_, context.waker);
  if (!shards.empty()) RF_TRY(restore(shards));
  RF_ASSIGN(const std::vector<Partition> known, reader_->partitions());
  const bool first_start = shards.empty();
  for (const Partition p : known) {
    if (owns(p) && !partitions_.count(p.value)) RF_TRY(add_partition(p, !first_start));
  }
  next_discovery_ = context.env->monotonic() + kDiscoveryPeriod;
  return {};
}

void SourceDriver::set_peers(std::shared_ptr<SourcePeers> peers, size_t place) {
  peers_ = std::move(peers);
  place_ = place;
  peers_->set_name(place, step_);
  clock_.set_limit(limit_);
}

void SourceDriver::tell_peers(bool counts) {
  if (!peers_) return;
  if (counts) {
    peers_->set_counts(place_);
  } else {
    peers_->set_idle(place_, proven_round_);
  }
}

// True when something changed: a step of another task or of this one can now do more.
bool SourceDriver::move_limit() {
  if (!peers_) return false;
  bool changed = false;
  if (!wish_ && clock_.wanted() > limit_) {
    const Micros now = context_.env->monotonic();
    wish_ = Wish{clock_.wanted(), peers_->begin_round(place_), now, now + kLongWait};
    changed = true;
  }
  if (wish_ && !peers_->unproven_since(wish_->round, place_)) {
    limit_ = wish_->watermark;
    wish_.reset();
    clock_.set_limit(limit_);
    changed = true;
  }
  return changed;
}

Status SourceDriver::add_partition(Partition p, bool late_comer) {
  // A partition that appears while running is read from its beginning, whatever `start` says.
  RF_ASSIGN(const Position start,
            reader_->resolve(p, late_comer ? StartAt::earliest : node_.start, node_.start_time));
  PartitionState state;
  if (node_.until.kind == UntilSpec::Kind::latest) {
    RF_ASSIGN(state.until, reader_->end(p));
    state.bounded = true;
  }
  RF_TRY(reader_->assign(p, start));
  clock_.add_partition(p, late_comer);
  partitions_[p.value] = state;
  if (state.bounded && reader_->reached(start, state.until)) end_partition(p);
  return {};
}

Status SourceDriver::discover() {
  const Micros now = context_.env->monotonic();
  if (now < next_discovery_) return {};
  next_discovery_ = now + kDiscoveryPeriod;
  if (node_.until.kind == UntilSpec::Kind::latest) return {};  // the bound was drawn at the start
  RF_ASSIGN(const std::vector<Partition> known, reader_->partitions());
  for (const Partition p : known) {
    if (owns(p) && !partitions_.count(p.value)) RF_TRY(add_partition(p, true));
  }
  return {};
}

Result<SourceDriver::State> SourceDriver::step(int32_t budget, SourceBatch& out) {
  RF_ASSIGN(const State state, poll_partitions(budget, out));
  return move_limit() && state == State::idle ? State::worked : state;
}

Result<SourceDriver::State> SourceDriver::poll_partitions(int32_t budget, SourceBatch& out) {
  const int64_t round = peers_ ? peers_->round() : 0;
  const Micros now = context_.env->monotonic();
  if (now >= next_publish_) {
    next_publish_ = now + kPublishPeriod;
    publish();
    warn_of_long_waits(now);
  }
  again_at_ = std::min(next_publish_, retry_at_);
  if (now < retry_at_) return State::idle;
  RF_TRY(discover());
  clock_.tick(now);
  again_at_ = std::min(next_publish_, next_discovery_);
  if (partitions_.empty()) {
    proven_round_ = round;
    const bool final = node_.until.kind != UntilSpec::Kind::none || !reader_->may_grow();
    return final ? State::ended : State::idle;
  }
  if (clock_.all_ended()) {
    publish();
    return State::ended;
  }

  // Each partition in turn, beginning behind the one that was polled last.
  auto it = partitions_.upper_bound(last_polled_);
  bool all_polled = true;
  const Micros wanted = clock_.wanted();
  for (size_t i = 0; i < partitions_.size(); ++i, ++it) {
    if (it == partitions_.end()) it = partitions_.begin();
    PartitionState& state = it->second;
    const Partition p(it->first);
    if (state.ended) continue;
    if (care_.waits(p) || pause_if_ahead(p, state, now)) {
      all_polled = false;
      continue;
    }
    Result<Poll> poll = reader_->poll(p, care_.budget(p, budget));
    if (!poll.ok()) return put_off(std::move(poll).status(), now);
    backoff_ = 0;
    last_polled_ = it->first;
    const bool has_rows = poll->chunk && !poll->chunk->records.empty();
    if (has_rows) {
      clock_.on_activity(p);  // also when no row of them has a time
      RF_TRY(emit(p, std::move(poll->chunk), out));
    }
    if (poll->state == Poll::State::ended ||
        (state.bounded && reader_->reached(reader_->position(p), state.until))) {
      end_partition(p);
      return State::worked;
    }
    if (has_rows) return State::worked;
    if (poll->again_in < kUntilWoken) again_at_ = std::min(again_at_, now + poll->again_in);
    if (poll->state == Poll::State::proven_end) {
      clock_.on_proven_end(p, now);
    } else {
      clock_.on_activity(p);
    }
  }
  // A partition that waited has proved nothing, even if the one it waited for has become idle just now.
  if (clock_.all_idle() && all_polled) proven_round_ = round;
  // One that became idle lets the others go further: those that proved their ends before it do so again.
  if (clock_.wanted() != wanted) return State::worked;
  again_at_ = std::min(again_at_, clock_.next_change(now));
  return State::idle;
}

// A poll failed for what may pass: the next one later, and later each time.
Result<SourceDriver::State> SourceDriver::put_off(Status why, Micros now) {
  if (why.retry() == Retry::no) return why;
  backoff_ = std::clamp<int64_t>(backoff_ * 2, kMicrosPerSecond / 10, kMaxBackoff);
  retry_at_ = now + backoff_;
  again_at_ = std::min(next_publish_, retry_at_);
  context_.env->warn("source_retry", {{"step", step_}, {"why", why.to_string()}});
  return State::idle;
}

bool SourceDriver::pause_if_ahead(Partition p, PartitionState& state, Micros now) {
  const std::optional<Partition> waits_for = clock_.waits_for(p, now);
  if (waits_for.has_value() != state.waits_for.has_value()) {
    reader_->set_paused(p, waits_for.has_value());
    state.paused_at = now;
    state.warn_at = now + kLongWait;
  }
  state.waits_for = waits_for;
  return waits_for.has_value();
}

void SourceDriver::warn_of_long_waits(Micros now) {
  const auto text = [](Micros micros) { return to_string(Duration{0, 0, micros}); };
  for (auto& [id, state] : partitions_) {
    if (!state.waits_for || now < state.warn_at) continue;
    state.warn_at = now + kWarnAgain;
    const Partition slow = *state.waits_for;
    const Micros ahead = clock_.partition_watermark(Partition(id)) - clock_.partition_watermark(slow);
    context_.env->warn("source_paused",
                       {{"step", step_},
                        {"partition", std::to_string(id)},
                        {"for", text((now - state.paused_at) / kMicrosPerSecond * kMicrosPerSecond)},
                        {"waits_for_partition", std::to_string(slow.value)},
                        {"its_watermark", format_timestamp(clock_.partition_watermark(slow))},
                        {"ahead", text(ahead)},
                        {"max_skew", text(node_.event_time.max_skew)}});
  }
  if (!wish_ || now < wish_->warn_at) return;
  const auto peer = peers_->unproven_since(wish_->round, place_);
  if (!peer) return;
  wish_->warn_at = now + kWarnAgain;
  context_.env->warn("watermark_waits",
                     {{"step", step_},
                      {"for", text((now - wish_->since) / kMicrosPerSecond * kMicrosPerSecond)},
                      {"waits_for_source", peers_->name(*peer)},
                      {"why", "it was idle and has not proved since that it still is"}});
}

void SourceDriver::end_partition(Partition p) {
  partitions_[p.value].ended = true;
  clock_.on_end(p);
}

bool SourceDriver::cut_at_bound(Partition p, std::shared_ptr<const Origin>& chunk) const {
  const PartitionState& state = partitions_.at(p.value);
  const auto& records = chunk->records;
  size_t keep = records.size();
  if (node_.until.kind == UntilSpec::Kind::time) {
    const auto past = std::find_if(records.begin(), records.end(), [&](const RecordOrigin& r) {
      return r.timestamp != kNoTime && r.timestamp >= node_.until.time;
    });
    keep = static_cast<size_t>(past - records.begin());
  } else if (state.bounded) {
    const auto reached = [&](const RecordOrigin& r) {
      return reader_->reached({r.position, {}}, state.until);
    };
    // In order of their positions: nearly always the last one is before the bound too.
    if (records.empty() || !reached(records.back())) return false;
    keep = static_cast<size_t>(std::find_if(records.begin(), records.end(), reached) - records.begin());
  }
  if (keep == records.size()) return false;
  auto cut = std::make_shared<Origin>(*chunk);
  cut->records.resize(keep);
  chunk = std::move(cut);
  return true;
}

Status SourceDriver::emit(Partition p, std::shared_ptr<const Origin> chunk, SourceBatch& out) {
  const bool bound_reached = cut_at_bound(p, chunk);
  out.polled = true;
  const std::shared_ptr<const Origin> whole = chunk;
  SourceCare::Taken taken;
  if (!whole->records.empty()) taken = care_.take(std::move(chunk));
  Decoded decoded;
  int64_t bytes = 0;
  for (const RecordOrigin& r : whole->records) bytes += static_cast<int64_t>(r.payload.size());
  metrics_->bytes.add(bytes);
  if (taken.chunk && !taken.chunk->records.empty()) {
    if (note_) note_->give(*taken.chunk);
    RF_TRY(decoder_->decode(taken.chunk, decoded));
  }
  metrics_->polled.add(static_cast<int64_t>(whole->records.size()) - decoded.skipped);
  Batch& batch = decoded.batch;
  if (batch.rows > 0) reject_unreadable(batch, node_.metadata, decoded.rejected);
  if (batch.rows > 0) {
    RF_TRY(stamp(batch, decoded.rejected));
    if (batch.event_time) clock_.on_rows(p, batch.event_times(), batch.rows, batch.behind);
    for (const BehindRow& row : batch.behind) {
      if (row.reason == BehindReason::idle) metrics_->late_idle.add(1);
      if (row.reason == BehindReason::new_partition) metrics_->late_new_partition.add(1);
    }
    add_metadata(batch);
    batch.schema = output_;
  }
  metrics_->decoded.add(batch.rows);
  RF_TRY(reject(taken, *whole, std::move(decoded.rejected), out));
  out.rows = std::move(batch);
  if (bound_reached) end_partition(p);
  return {};
}

// `rejected`: by the decoder, of what was left of the chunk.
Status SourceDriver::reject(const SourceCare::Taken& taken, const Origin& whole,
                            std::vector<RejectedRecord> rejected, SourceBatch& out) {
  if (!taken.aside.empty()) {
    tell_aside(whole, taken.aside);
    metrics_->set_aside.add(static_cast<int64_t>(taken.aside.size()));
    for (RejectedRecord& one : rejected) one.record = taken.kept[static_cast<size_t>(one.record)];
    rejected.insert(rejected.end(), taken.aside.begin(), taken.aside.end());
    std::stable_sort(rejected.begin(), rejected.end(),
                     [](const RejectedRecord& a, const RejectedRecord& b) { return a.record < b.record; });
  }
  metrics_->rejected.add(static_cast<int64_t>(rejected.size()));
  if (rejected.empty()) return {};
  if (node_.bad_records == BadRecords::fail) {
    const RejectedRecord& bad = rejected.front();
    const RecordOrigin& record = whole.records[static_cast<size_t>(bad.record)];
    return Status::user(Code::invalid_argument,
                        fmt::format("{} ({}, in a source with bad_records: fail; keep would put it aside)",
                                    bad.reason, record_text(whole, record)));
  }
  if (node_.bad_records == BadRecords::keep) out.rejected = rejected_records(whole, rejected, step_);
  return {};
}

// Aloud, each of them: where `bad_records: skip` keeps nothing, this is all that is left of it.
void SourceDriver::tell_aside(const Origin& whole, const std::vector<RejectedRecord>& aside) const {
  for (const RejectedRecord& one : aside) {
    const RecordOrigin& record = whole.records[static_cast<size_t>(one.record)];
    context_.env->warn("record_set_aside",
                       {{"step", step_}, {"what", record_text(whole, record)}, {"why", one.reason}});
  }
}

// Sets event_time; rows without a valid one leave the batch.
Status SourceDriver::stamp(Batch& batch, std::vector<RejectedRecord>& rejected) const {
  const Column* column = event_time_column_ >= 0 ? &batch.column(event_time_column_) : nullptr;
  if (!column && !node_.kind->has_timestamp) return {};
  batch.event_time = column ? times_of(*column) : times_of_records(batch);
  const bool check_ahead = node_.event_time.max_ahead > 0 && node_.kind->has_timestamp && !context_.job_test;
  const bool nulls = column && column->has_nulls();
  const Micros* times = batch.event_times();
  const Micros most = node_.event_time.max_ahead;
  const auto ahead = [times, most](const RecordOrigin& r, int32_t i) {
    return r.timestamp != kNoTime && times[i] > r.timestamp && times[i] - r.timestamp > most;
  };
  bool suspect = nulls;
  for (int32_t i = 0; check_ahead && i < batch.rows && !suspect; ++i) suspect = ahead(batch.record(i), i);
  if (!suspect) return {};

  std::vector<int32_t> keep;
  for (int32_t i = 0; i < batch.rows; ++i) {
    const int32_t record = batch.origin_row ? batch.origin_row.as<int32_t>()[i] : i;
    const Micros own = batch.record(i).timestamp;
    if (nulls && column->is_null(i)) {
      rejected.push_back({record, "no event time: the column is null", "column " + node_.event_time.column});
    } else if (check_ahead && ahead(batch.record(i), i)) {
      rejected.push_back(
          {record,
           fmt::format("event time {} is more than {} after the record's own timestamp {}",
                       format_timestamp(times[i]), to_string(Duration{0, 0, node_.event_time.max_ahead}),
                       format_timestamp(own)),
           "column " + node_.event_time.column});
    } else {
      keep.push_back(i);
    }
  }
  if (static_cast<int32_t>(keep.size()) < batch.rows) {
    batch = take(batch, keep.data(), static_cast<int32_t>(keep.size()));
  }
  return {};
}

void SourceDriver::add_metadata(Batch& batch) const {
  for (const Metadata metadata : node_.metadata) {
    const auto i = static_cast<int>(batch.columns.size());
    ColumnBuilder column(output_->field(i).type, batch.rows);
    for (int32_t row = 0; row < batch.rows; ++row) {
      const RecordOrigin& record = batch.record(row);
      switch (metadata) {
        case Metadata::topic:
          column.append_string(*batch.origin->topic);
          break;
        case Metadata::partition:
          column.append<int32_t>(batch.origin->partition.value);
          break;
        case Metadata::offset:
          column.append<int64_t>(record.position);
          break;
        case Metadata::timestamp:
          if (record.timestamp == kNoTime)
            column.append_null();
          else
            column.append<Micros>(record.timestamp);
          break;
        case Metadata::key:
          if (record.key.data() == nullptr)
            column.append_null();
          else
            column.append_string(record.key);
          break;
        case Metadata::headers:
          append_headers(column, batch, row);
          break;
      }
    }
    batch.columns.push_back(column.finish());
  }
}

void SourceDriver::on_checkpoint_complete(Epoch epoch) {
  if (note_) note_->on_complete(epoch);
  reader_->on_checkpoint_complete(epoch);
}

void SourceDriver::on_barrier(Epoch epoch) {
  if (note_) note_->on_barrier(epoch);
}

std::string SourceDriver::snapshot() const {
  StoredSource stored;
  for (const auto& [id, state] : partitions_) {
    StoredPartition p;
    p.partition = Partition(id);
    p.position = reader_->position(p.partition);
    p.bounded = state.bounded;
    p.until = state.until;
    p.ended = state.ended;
    stored.partitions.push_back(std::move(p));
  }
  stored.clock = clock_.encode();
  return encode_source(stored);
}

Status SourceDriver::restore(const std::vector<std::string>& shards) {
  std::vector<std::string> clocks;
  for (const std::string& bytes : shards) {
    RF_ASSIGN(StoredSource stored, decode_source(bytes, step_));
    for (StoredPartition& p : stored.partitions) {
      if (!owns(p.partition)) continue;
      PartitionState state;
      state.bounded = p.bounded;
      state.until = std::move(p.until);
      state.ended = p.ended;
      RF_TRY(reader_->assign(p.partition, p.position));
      partitions_[p.partition.value] = state;
    }
    clocks.push_back(std::move(stored.clock));
  }
  return clock_.restore(clocks, [this](Partition p) { return owns(p); });
}

void SourceDriver::publish() {
  std::vector<PartitionView> views;
  for (const auto& [id, state] : partitions_) {
    const Partition p(id);
    PartitionView view;
    view.partition = p;
    view.position = reader_->position(p).offset;
    const Result<Position> end = reader_->end(p);
    view.end = end.ok() ? end->offset : -1;
    view.watermark = clock_.partition_watermark(p);
    view.idle = clock_.is_idle(p);
    view.waits_for = state.waits_for;
    if (state.waits_for) view.paused_for = context_.env->monotonic() - state.paused_at;
    views.push_back(view);
  }
  std::string unproven;
  if (wish_) {
    const auto peer = peers_->unproven_since(wish_->round, place_);
    if (peer) unproven = peers_->name(*peer);
  }
  std::shared_ptr<const SourceFiles> files = reader_->files();
  const std::lock_guard lock(views_mutex_);
  views_ = std::move(views);
  unproven_peer_ = std::move(unproven);
  files_ = std::move(files);
}

std::string SourceDriver::unproven_peer() const {
  const std::lock_guard lock(views_mutex_);
  return unproven_peer_;
}

std::shared_ptr<const SourceFiles> SourceDriver::files() const {
  const std::lock_guard lock(views_mutex_);
  return files_;
}

std::vector<SourceDriver::PartitionView> SourceDriver::partition_views() const {
  const std::lock_guard lock(views_mutex_);
  return views_;
}

}  // namespace rideflow
