#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "topics/commit_log.h"
#include "topics/frame.h"
#include "topics/partition_log.h"
#include "topics/staged_file.h"
#include "topics/topic_shared.h"
#include "topics/topic_store.h"

namespace rideflow {
namespace {

constexpr int64_t kMaxPendingBytes = int64_t{64} << 20;
constexpr int64_t kCommitLogBytes = int64_t{1} << 20;

class FinishedWork : public Completion {
 public:
  bool done() const override { return true; }
  Status status() const override { return {}; }
};

}  // namespace

// ---- The rows of an open epoch

struct EpochRows::Frames {
  explicit Frames(int64_t compress_from_bytes) : builder(compress_from_bytes) {}
  FrameBuilder builder;
};

EpochRows::EpochRows(int32_t partitions, int64_t compress_from_bytes) {
  for (int32_t i = 0; i < partitions; ++i)
    partitions_.push_back(std::make_unique<Frames>(compress_from_bytes));
}
EpochRows::~EpochRows() = default;
EpochRows::EpochRows(EpochRows&&) noexcept = default;
EpochRows& EpochRows::operator=(EpochRows&&) noexcept = default;

Status EpochRows::add(Partition partition, const TopicRecord& record) {
  RF_TRY(partitions_[static_cast<size_t>(partition.value)]->builder.add(record));
  ++rows_;
  return {};
}

int64_t EpochRows::bytes() const {
  int64_t sum = 0;
  for (const auto& frames : partitions_) sum += frames->builder.bytes();
  return sum;
}

// ---- Appending

class Topic::Ticket : public AppendTicket {
 public:
  bool done() const override { return done_.load(std::memory_order_acquire); }
  Status status() const override { return status_; }
  std::vector<Place> places() const override { return places_; }

  void add(Partition partition, int64_t index) { places_.push_back({partition, index}); }
  // `bases` by partition: the offset of the group's first record there.
  void finish(Status status, const std::vector<int64_t>& bases) {
    for (Place& place : places_) place.offset += bases[static_cast<size_t>(place.partition.value)];
    status_ = std::move(status);
    done_.store(true, std::memory_order_release);
  }

 private:
  std::vector<Place> places_;
  Status status_;
  std::atomic<bool> done_{false};
};

// What waits for the next write, of all callers.
struct Topic::Pending {
  Pending(int32_t partitions, int64_t compress_from_bytes)
      : builders(static_cast<size_t>(partitions), FrameBuilder(compress_from_bytes)) {}
  std::vector<FrameBuilder> builders;
  std::vector<std::shared_ptr<Ticket>> tickets;
  std::vector<int64_t> bases;

  int64_t bytes() const {
    int64_t sum = 0;
    for (const FrameBuilder& builder : builders) sum += builder.bytes();
    return sum;
  }
  void finish(const Status& status) {
    bases.resize(builders.size(), 0);
    for (const auto& ticket : tickets) ticket->finish(status, bases);
  }
};

Topic::Topic(Env& env, std::string dir, const TopicIdentity& identity, const TopicConfig& config,
             std::shared_ptr<TopicShared> shared)
    : env_(env),
      dir_(std::move(dir)),
      name_(std::make_shared<const std::string>(identity.name)),
      id_(identity.id),
      config_(config),
      shared_(std::move(shared)),
      partitioner_(config.partitions) {}

Topic::~Topic() = default;

std::string Topic::staged_path(const std::string& file) const {
  return join_path(join_path(dir_, "staged"), file);
}

Status Topic::open() {
  RF_TRY(env_.fs().make_dirs(join_path(dir_, "staged")));
  RF_ASSIGN(auto acknowledged, Acknowledged::open(env_.fs(), join_path(dir_, "ACKNOWLEDGED")));
  acknowledged_ = std::make_unique<Acknowledged>(std::move(acknowledged));
  if (!acknowledged_->damage().empty()) env_.warn("topic_notes_damaged", {{"why", acknowledged_->damage()}});
  for (int32_t i = 0; i < config_.partitions; ++i) {
    RF_ASSIGN(auto log, PartitionLog::open(env_, join_path(dir_, std::to_string(i)), config_.segment_bytes,
                                           acknowledged_.get()));
    logs_.push_back(std::move(log));
  }
  RF_ASSIGN(auto commits, CommitLog::open(env_.fs(), join_path(dir_, "commits.log"), acknowledged_.get()));
  commits_ = std::make_unique<CommitLog>(std::move(commits));
  const std::lock_guard lock(write_mutex_);
  markers_ = commits_->markers();
  return prepare_to_write();
}

Status Topic::check_records(const std::vector<TopicRecord>& records,
                            std::optional<Partition> partition) const {
  if (partition && (partition->value < 0 || partition->value >= config_.partitions))
    return Status::user(Code::invalid_argument, "Topic '" + name() + "' has partitions 0 to " +
                                                    std::to_string(config_.partitions - 1) + ", not " +
                                                    std::to_string(partition->value) + ".");
  for (const TopicRecord& record : records) {
    const size_t size = (record.key ? record.key->size() : 0) + record.headers.size() + record.payload.size();
    if (size > kMaxRecordBytes)
      return Status::user(Code::invalid_argument, "A record of " + std::to_string(size) +
                                                      " bytes is too large for a topic: at most " +
                                                      std::to_string(kMaxRecordBytes) + " fit.");
  }
  return {};
}

void Topic::add_to(Pending& group, const std::vector<TopicRecord>& records,
                   std::optional<Partition> partition, const std::shared_ptr<Ticket>& ticket) {
  const Micros now = env_.now();
  for (const TopicRecord& record : records) {
    const Partition p = partition ? *partition : partitioner_.pick(record.key);
    FrameBuilder& builder = group.builders[static_cast<size_t>(p.value)];
    ticket->add(p, builder.records());
    TopicRecord stamped = record;
    if (stamped.timestamp == kNoTime) stamped.timestamp = now;
    const Status added = builder.add(stamped);
    RF_CHECK(added.ok());  // sizes were checked
  }
  group.tickets.push_back(ticket);
}

Result<std::shared_ptr<AppendTicket>> Topic::append(const std::vector<TopicRecord>& records,
                                                    std::optional<Partition> partition) {
  RF_TRY(check_records(records, partition));
  auto ticket = std::make_shared<Ticket>();
  bool schedule = false;
  {
    const std::lock_guard lock(pending_mutex_);
    if (!pending_) pending_ = std::make_unique<Pending>(config_.partitions, config_.compress_from_bytes);
    if (pending_->bytes() > kMaxPendingBytes)
      return Status::external(Code::resource_exhausted,
                              "Topic '" + name() + "' has 64 MiB waiting for the disk: append again later.",
                              Retry::backoff);
    add_to(*pending_, records, partition, ticket);
    schedule = !flush_scheduled_;
    flush_scheduled_ = true;
  }
  if (schedule) (void)env_.offload([self = shared_from_this()] { return self->flush(); });
  return std::shared_ptr<AppendTicket>(std::move(ticket));
}

// What was added while a group was written is the next group: under load one sync serves many callers.
Status Topic::flush() {
  while (true) {
    std::unique_ptr<Pending> group;
    {
      const std::lock_guard lock(pending_mutex_);
      group = std::move(pending_);
      if (!group) {
        flush_scheduled_ = false;
        return {};
      }
    }
    Status status;
    {
      const std::lock_guard lock(write_mutex_);
      status = write_group(*group);
    }
    group->finish(status);
  }
}

Status Topic::append_now(const std::vector<TopicRecord>& records, std::optional<Partition> partition) {
  RF_TRY(check_records(records, partition));
  Pending group(config_.partitions, config_.compress_from_bytes);
  {
    const std::lock_guard lock(pending_mutex_);
    add_to(group, records, partition, std::make_shared<Ticket>());
  }
  const std::lock_guard lock(write_mutex_);
  return write_group(group);
}

Status Topic::write_group(Pending& group) {
  RF_TRY(prepare_to_write());
  for (size_t i = 0; i < logs_.size(); ++i) {
    group.bases.push_back(logs_[i]->next_offset());
    group.builders[i].finish();
    if (group.builders[i].records() > 0) RF_TRY(roll_if_old(*logs_[i]));
    RF_TRY(logs_[i]->append(group.builders[i].frames()));
  }
  env_.kill_point("topic_append_before_sync");
  for (const auto& log : logs_) RF_TRY(log->sync());
  env_.kill_point("topic_append_after_sync");
  for (const auto& log : logs_) log->publish();
  acknowledged_->flush();
  retain_quietly();
  return {};
}

Status Topic::removed_status() const {
  return Status::user(Code::not_found, "Topic '" + name() + "' was deleted while it was in use.");
}

// After it returned ok the files hold what is published, and every committed epoch is in its partitions.
Status Topic::prepare_to_write() {
  if (removed_) return removed_status();
  RF_TRY(commits_->roll_back());
  for (const auto& log : logs_) RF_TRY(log->roll_back());
  while (!commits_->unapplied().empty()) {
    RF_TRY(apply(commits_->unapplied().front()));
    commits_->mark_applied(1);
  }
  return {};
}

// ---- Epochs

StagedEpoch Topic::stage(const EpochMarker& marker, EpochRows rows) {
  StagedEpoch staged;
  CommitRecord record;
  record.marker = marker;
  record.confirmed = this->marker(marker.lineage, marker.sink, marker.shard).value_or(Epoch(0));
  if (rows.rows() == 0) {
    if (record.confirmed > Epoch(0)) staged.handle = encode_commit(record);  // what the topic must hold
    staged.durable = std::make_shared<FinishedWork>();
    return staged;
  }
  StagedFile file;
  file.marker = marker;
  record.staged_file = staged_name(marker, env_.random());
  for (size_t i = 0; i < rows.partitions_.size(); ++i) {
    FrameBuilder& builder = rows.partitions_[i]->builder;
    builder.finish();
    if (builder.records() == 0) continue;
    StagedSpan span;
    span.partition = Partition(static_cast<int32_t>(i));
    span.records = builder.records();
    span.frames = builder.frames();
    file.spans.push_back(span);
    CommitSpan commit;
    commit.partition = span.partition;
    commit.records = span.records;
    record.spans.push_back(commit);
  }
  staged.handle = encode_commit(record);
  std::string head = encode_staged_head(file);
  auto shared_rows = std::make_shared<EpochRows>(std::move(rows));
  staged.durable = env_.offload([self = shared_from_this(), path = staged_path(record.staged_file),
                                 head = std::move(head), shared_rows]() -> Status {
    if (self->removed_) return self->removed_status();
    FileSystem& fs = self->env_.fs();
    RF_ASSIGN(const auto out, fs.create(path));
    RF_TRY(out->append(head));
    for (const auto& frames : shared_rows->partitions_) RF_TRY(out->append(frames->builder.frames()));
    RF_TRY(out->sync());
    RF_TRY(out->close());
    self->env_.kill_point("topic_stage_before_dir_sync");
    return fs.sync_dir(parent_dir(path));
  });
  return staged;
}

Result<EpochMarker> Topic::marker_of(const std::string& handle) const {
  RF_ASSIGN(CommitRecord record, decode_commit(handle));
  return record.marker;
}

std::optional<Epoch> Topic::marker(const std::string& lineage, const std::string& sink, Shard shard) const {
  const std::lock_guard lock(marker_mutex_);
  const auto it = markers_.find({lineage, sink, shard});
  return it == markers_.end() ? std::nullopt : std::optional<Epoch>(it->second);
}

std::vector<std::pair<std::string, std::string>> Topic::writers() const {
  const std::lock_guard lock(marker_mutex_);
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [key, epoch] : markers_) {
    std::pair<std::string, std::string> writer(std::get<0>(key), std::get<1>(key));
    if (all.empty() || all.back() != writer) all.push_back(std::move(writer));
  }
  return all;
}

std::map<Shard, Epoch> Topic::markers(const std::string& lineage, const std::string& sink) const {
  const std::lock_guard lock(marker_mutex_);
  std::map<Shard, Epoch> found;
  for (const auto& [key, epoch] : markers_) {
    if (std::get<0>(key) == lineage && std::get<1>(key) == sink) found[std::get<2>(key)] = epoch;
  }
  return found;
}

Status Topic::commit(const std::string& handle) {
  if (handle.empty()) return {};
  auto wanted = decode_commit(handle);
  if (!wanted.ok()) return std::move(wanted).status().with("topic '" + name() + "'");
  if (wanted->staged_file.empty()) return {};
  const std::lock_guard lock(write_mutex_);
  return commit_locked(*wanted).with("topic '" + name() + "'");
}

Status Topic::check_confirmed(const std::string& handle) const {
  if (handle.empty()) return {};
  RF_ASSIGN(const CommitRecord record, decode_commit(handle));
  const EpochMarker& of = record.marker;
  const Epoch here = marker(of.lineage, of.sink, of.shard).value_or(Epoch(0));
  if (here >= record.confirmed) return {};
  return Status::external(
      Code::data_loss,
      fmt::format(
          "topic '{}' ({}) holds epoch {} of sink '{}', but the restored checkpoint knows that epoch {} was "
          "published there: the topic was removed, or lost records. Restore its directory from a copy, or "
          "start the job under a new name to replay it",
          name(), dir_, here.value, of.sink, record.confirmed.value));
}

// Checked when it is decoded.
Result<std::string> Topic::read_staged(const CommitRecord& record) const {
  const std::string path = staged_path(record.staged_file);
  auto content = read_file(env_.fs(), path);
  if (content.ok() || content.status().code() != Code::not_found) return content;
  return Status::external(
      Code::data_loss,
      fmt::format("'{}', which holds the rows of epoch {} of sink '{}', is missing: restore the file "
                  "from a copy, or start the job under a new name to replay it",
                  path, record.marker.epoch.value, record.marker.sink));
}

Status Topic::commit_locked(const CommitRecord& wanted) {
  RF_TRY(prepare_to_write());
  const EpochMarker& marker = wanted.marker;
  const Epoch* committed = commits_->find(marker.lineage, marker.sink, marker.shard);
  if (committed && *committed >= marker.epoch) return env_.fs().remove(staged_path(wanted.staged_file));
  CommitRecord record = wanted;
  {
    // All of it is checked first: what is committed must be there to be copied.
    RF_ASSIGN(const std::string content, read_staged(wanted));
    auto decoded = decode_staged(content);
    if (!decoded.ok()) return std::move(decoded).status().with("'" + staged_path(wanted.staged_file) + "'");
    const StagedFile& staged = *decoded;
    if (staged.spans.size() != record.spans.size())
      return Status::external(Code::data_loss, "A staged epoch differs from its handle.");
  }
  for (CommitSpan& span : record.spans) {
    if (span.partition.value < 0 || span.partition.value >= config_.partitions)
      return Status::external(Code::failed_precondition,
                              "A staged epoch names a partition that is not there.");
    span.base_offset = log(span.partition).next_offset();
  }
  env_.kill_point("topic_commit_before_record");
  RF_TRY(commits_->add(record));
  env_.kill_point("topic_commit_after_record");
  {
    const std::lock_guard lock(marker_mutex_);
    markers_[{marker.lineage, marker.sink, marker.shard}] = marker.epoch;
  }
  RF_TRY(prepare_to_write());
  const Status compacted = commits_->compact(kCommitLogBytes);
  if (!compacted.ok()) env_.warn("topic_commits_not_compacted", {{"error", compacted.to_string()}});
  retain_quietly();
  return {};
}

// Idempotent: a partition that holds the epoch's frames, or some of them, gets only the rest.
Status Topic::apply(const CommitRecord& record) {
  bool complete = true;
  for (const CommitSpan& span : record.spans) {
    const int64_t next = log(span.partition).next_offset();
    if (next < span.base_offset)
      return Status::external(Code::data_loss, "Partition " + std::to_string(span.partition.value) +
                                                   " of topic '" + name() + "' ends at " +
                                                   std::to_string(next) + ", but an epoch was committed at " +
                                                   std::to_string(span.base_offset) + ": records are lost.");
    complete = complete && next >= span.base_offset + span.records;
  }
  if (!complete) {
    RF_ASSIGN(const std::string content, read_staged(record));
    auto decoded = decode_staged(content);
    if (!decoded.ok()) return std::move(decoded).status().with("'" + staged_path(record.staged_file) + "'");
    const StagedFile& staged = *decoded;
    for (const CommitSpan& span : record.spans) {
      const auto part = std::find_if(staged.spans.begin(), staged.spans.end(),
                                     [&](const StagedSpan& s) { return s.partition == span.partition; });
      if (part == staged.spans.end() || part->records != span.records)
        return Status::external(Code::data_loss, "A committed epoch differs from its staged file.");
      const int64_t have = log(span.partition).next_offset() - span.base_offset;
      if (have == 0) RF_TRY(roll_if_old(log(span.partition)));
      if (have < span.records) RF_TRY(log(span.partition).append(part->frames, have));
    }
    env_.kill_point("topic_commit_before_sync");
    for (const CommitSpan& span : record.spans) RF_TRY(log(span.partition).sync());
    env_.kill_point("topic_commit_after_sync");
  }
  for (const CommitSpan& span : record.spans) log(span.partition).publish();
  acknowledged_->flush();
  return env_.fs().remove(staged_path(record.staged_file));
}

Result<int> Topic::drop_staged(const std::string& lineage, const std::string& sink,
                               const std::vector<std::string>& keep,
                               const std::function<bool(Shard)>& of_shard) {
  const std::lock_guard lock(write_mutex_);
  RF_TRY(prepare_to_write());
  std::vector<std::string> kept;
  for (const std::string& handle : keep) {
    if (handle.empty()) continue;
    RF_ASSIGN(CommitRecord record, decode_commit(handle));
    kept.push_back(std::move(record.staged_file));
  }
  const std::string dir = join_path(dir_, "staged");
  const std::string prefix = staged_prefix(lineage, sink);
  RF_ASSIGN(const auto entries, env_.fs().list(dir));
  int dropped = 0;
  for (const DirEntry& entry : entries) {
    if (!entry.name.starts_with(prefix)) continue;
    if (of_shard && !of_shard(shard_of_staged(entry.name, prefix))) continue;
    if (std::find(kept.begin(), kept.end(), entry.name) != kept.end()) continue;
    RF_TRY(env_.fs().remove(staged_path(entry.name)));
    ++dropped;
  }
  if (dropped > 0) RF_TRY(env_.fs().sync_dir(dir));
  return dropped;
}

Status Topic::abort(const std::string& handle) {
  if (handle.empty()) return {};
  RF_ASSIGN(const CommitRecord record, decode_commit(handle));
  if (record.staged_file.empty()) return {};
  const std::lock_guard lock(write_mutex_);
  RF_TRY(prepare_to_write());
  return env_.fs().remove(staged_path(record.staged_file));
}

// ---- Reading

int64_t Topic::end_offset(Partition partition) const {
  return log(partition).end_offset();
}

int64_t Topic::first_offset(Partition partition) const {
  return log(partition).first_offset();
}

Result<int64_t> Topic::offset_for_time(Partition partition, Micros time) {
  return log(partition).offset_for_time(env_.fs(), time);
}

std::unique_ptr<PartitionReader> Topic::reader(Partition partition, int64_t offset) {
  return std::make_unique<PartitionReader>(shared_from_this(), partition, offset);
}

int64_t Topic::records() const {
  int64_t sum = 0;
  for (const auto& log : logs_) sum += log->end_offset() - log->first_offset();
  return sum;
}

int64_t Topic::bytes() const {
  int64_t sum = 0;
  for (const auto& log : logs_) sum += log->bytes();
  return sum;
}

// ---- Retention

Status Topic::enforce_retention() {
  const std::lock_guard lock(write_mutex_);
  RF_TRY(prepare_to_write());
  return retain_locked();
}

void Topic::retain_quietly() {
  const Status status = retain_locked();
  if (!status.ok()) env_.warn("topic_retention_failed", {{"topic", name()}, {"error", status.to_string()}});
}

Status Topic::retain_locked() {
  if (shared_->use == TopicStoreUse::look) return {};
  if (config_.retention_micros == 0 && config_.retention_bytes == 0) return {};
  const ClockReading clock = shared_->clock.read(env_);
  while (true) {
    TopicFacts facts;
    for (int32_t p = 0; p < config_.partitions; ++p) {
      if (auto oldest = log(Partition(p)).oldest(Partition(p))) facts.oldest.push_back(*oldest);
    }
    if (facts.oldest.empty()) return {};
    facts.bytes = bytes();
    for (const auto& log : logs_)
      facts.newest_record = std::max(facts.newest_record, log->newest_record(clock));
    const auto next = next_deletion(facts, config_, clock, [&](Partition partition) {
      return shared_->positions.least(identity(), partition);
    });
    if (!next) return {};
    RF_TRY(delete_oldest(facts.oldest[next->segment], *next));
  }
}

Status Topic::delete_oldest(const OldestSegment& segment, const Deletion& why) {
  const std::string records = std::to_string(segment.end_offset - segment.base);
  const auto say = [&](LogLevel level, std::string_view event, std::initializer_list<LogField> more) {
    std::vector<LogField> fields = {{"topic", name()},
                                    {"partition", std::to_string(segment.partition.value)},
                                    {"from", std::to_string(segment.base)},
                                    {"to", std::to_string(segment.end_offset - 1)},
                                    {"records", records},
                                    {"bytes", std::to_string(segment.bytes)},
                                    {"reason", std::string(why.reason)}};
    fields.insert(fields.end(), more.begin(), more.end());
    env_.log(level, event, fields);
  };
  RF_TRY(log(segment.partition).drop_oldest());
  if (why.unread_by.empty()) {
    say(LogLevel::info, "topic_records_deleted", {});
  } else {
    say(LogLevel::warn, "topic_unread_records_deleted",
        {{"unread_by", why.unread_by},
         {"effect", "its source stops at the gap, or skips and counts it where it says on_gap: skip"}});
  }
  return {};
}

// So that what is old can be deleted without what is new: a segment of few records would never be full.
Status Topic::roll_if_old(PartitionLog& log) {
  if (config_.retention_micros == 0 || shared_->use == TopicStoreUse::look) return {};
  const ClockReading clock = shared_->clock.read(env_);
  const auto [written, begun] = log.newest();
  const bool old = age_of(written, clock, config_.retention_micros) > config_.retention_micros ||
                   clock.monotonic - begun > config_.retention_micros;
  return old ? log.roll() : Status();
}

}  // namespace rideflow
