// The sink kind `file`: part files in a directory, exactly once.
//
// A handle is lines: the file in progress, the part that it becomes, the epoch that was committed when it was
// prepared, and the file's bytes and their checksum. An epoch without rows has only the first, and the third
// once there is one.
//
// The rows of an epoch are written to .inprogress-<lineage>-<sink>-<shard>-<random>, synced in prepare(), and
// renamed to part-<lineage>-<epoch>-<shard>.<extension> by commit(). Then .committed-<lineage>-<sink>-<shard>
// names the epoch, so that a part that somebody took away meanwhile is not written again. Only the parts are
// in the directory; the rest is beside it (file_sink_place.h).
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>

#include "engine/byte_codec.h"
#include "engine/catalog.h"
#include "engine/hash.h"
#include "engine/job_access.h"
#include "engine/presence.h"
#include "operators/files/file_sink_place.h"

namespace rideflow {
namespace {

constexpr size_t kFlushBytes = size_t{1} << 20;

struct FileHandle {
  std::string in_progress;
  std::string part;            // empty: the epoch had no rows
  Epoch confirmed = Epoch(0);  // of the shard, when it was prepared
  int64_t bytes = -1;          // -1: not known, from an older version
  uint64_t checksum = 0;
};

std::string encode_handle(const FileHandle& handle) {
  return fmt::format("{}\n{}\n{}\n{}\n{:016x}", handle.in_progress, handle.part, handle.confirmed.value,
                     handle.bytes, handle.checksum);
}

// The checksum of a file is taken in pieces of kFlushBytes, the last one shorter.
uint64_t chain(uint64_t so_far, std::string_view piece) {
  ByteWriter both;
  both.put(so_far).put(checksum64(piece));
  return checksum64(both.take());
}

uint64_t checksum_of(std::string_view content) {
  uint64_t sum = 0;
  for (; content.size() >= kFlushBytes; content.remove_prefix(kFlushBytes))
    sum = chain(sum, content.substr(0, kFlushBytes));
  return chain(sum, content);
}

template <class T>
bool parse_all(std::string_view text, T& out, int base = 10) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

Result<FileHandle> decode_handle(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  FileHandle handle;
  handle.in_progress = lines[0];
  if (lines.size() > 1) handle.part = lines[1];
  const bool old = lines.size() == 2;
  if (old || (lines.size() == 5 && parse_all(lines[2], handle.confirmed.value) &&
              parse_all(lines[3], handle.bytes) && parse_all(lines[4], handle.checksum, 16)))
    return handle;
  return Status::external(Code::data_loss, "a file sink's prepared epoch in the checkpoint does not decode");
}

// Letters, digits, '_' and '-' as they are, anything else as %XX: for parts of file names.
std::string file_name_part(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 80)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    plain ? out.push_back(c) : void(out += fmt::format("%{:02X}", static_cast<unsigned char>(c)));
  }
  return out;
}

class FileSink : public Sink {
 public:
  FileSink(std::shared_ptr<const SinkConfig> config, std::unique_ptr<Encoder> encoder)
      : config_(std::move(config)),
        encoder_(std::move(encoder)),
        place_{config_->options.text("directory"), {}, {}} {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    files_ = &files_of_job(context);
    metrics_ = context.metrics;
    shard_ = context.shard;
    parallelism_ = std::max(1, context.parallelism);
    lineage_ = file_name_part(context.lineage);
    owner_ = fmt::format("{}-{}", lineage_, file_name_part(config_->sink));
    RF_ASSIGN(place_, open_file_sink_place(*env_, *files_, place_.directory, owner_));
    if (!place_.inside.empty() && shard_ == Shard(0))
      env_->warn("file_sink_markers_inside", {{"directory", place_.directory}, {"because", place_.inside}});
    return {};
  }

  Result<Progress> process(int, Batch& batch, Output&) override {
    for (int32_t row = 0; row < batch.rows; ++row) encoder_->encode(batch, row, /*framed=*/true, buffer_);
    if (metrics_ != nullptr) metrics_->rows_absorbed.add(batch.rows);
    if (buffer_.size() < kFlushBytes) return Progress::done;
    // Into the page cache; the sync is prepare()'s, and not on this thread.
    RF_TRY(begin());
    RF_TRY(write_out());
    return Progress::done;
  }

  Result<Prepared> prepare(Epoch epoch) override {
    FileHandle handle;
    handle.confirmed = Epoch(confirmed_.load(std::memory_order_relaxed));
    Prepared prepared;
    if (file_ == nullptr && buffer_.empty()) {
      if (handle.confirmed == Epoch(0)) return prepared;
      handle.in_progress = fmt::format("{}{}-{}-none", kSinkInProgressPrefix, owner_, shard_.value);
      prepared.handle = encode_handle(handle);
      return prepared;
    }
    RF_TRY(begin());
    handle.in_progress = in_progress_;
    handle.part = part_name(epoch);
    handle.bytes = bytes_ + static_cast<int64_t>(buffer_.size());
    handle.checksum = chain(checksum_, buffer_);  // the last piece, perhaps empty
    prepared.handle = encode_handle(handle);
    auto file = std::make_shared<std::unique_ptr<WritableFile>>(std::move(file_));
    prepared.durable = env_->offload([file, rest = std::exchange(buffer_, {}), env = env_, files = files_,
                                      state = place_.state]() -> Status {
      RF_TRY((*file)->append(rest));
      env->kill_point("file_sink_prepare_before_sync");
      RF_TRY((*file)->sync());
      RF_TRY((*file)->close());
      env->kill_point("file_sink_prepare_after_sync");
      return files->sync_dir(state);
    });
    file_ = nullptr;
    return prepared;
  }

  Status commit(Epoch epoch, const std::string& text) override {
    if (text.empty()) return {};
    RF_ASSIGN(const FileHandle handle, decode_handle(text));
    if (handle.part.empty()) return {};
    const std::string from = join_path(place_.state, handle.in_progress);
    const std::string to = join_path(place_.directory, handle.part);
    FileSystem& fs = *files_;
    // The shard that wrote it, which may be another than this one after a change of parallelism.
    const int32_t shard = shard_of(handle.in_progress);
    RF_ASSIGN(const Epoch marker, read_marker(shard));
    if (marker >= epoch) return fs.remove(from);
    RF_ASSIGN(const bool waiting, exists(fs, from));
    RF_ASSIGN(const bool published, exists(fs, to));
    if (waiting && published) {
      return Status::user(
          Code::already_exists,
          fmt::format("'{}' exists already: two sinks of one job need directories of their own", to));
    }
    if (!waiting && !published) {
      return Status::external(
          Code::data_loss,
          fmt::format("'{}', which a checkpoint lists, is gone and was not published", from));
    }
    env_->kill_point("file_sink_commit_before_rename");
    if (waiting) RF_TRY(fs.rename(from, to));
    RF_TRY(fs.sync_dir(place_.directory));
    if (place_.inside.empty()) RF_TRY(fs.sync_dir(place_.state));
    env_->kill_point("file_sink_commit_before_marker");
    RF_TRY(write_file_atomic(fs, marker_path(shard), encode_marker(epoch)));
    if (shard == shard_.value) confirmed_.store(epoch.value, std::memory_order_relaxed);
    env_->kill_point("file_sink_commit_after_marker");
    return {};
  }

  Status recover(Epoch restored, const std::vector<std::pair<Epoch, std::string>>& pending) override {
    RF_ASSIGN(const std::vector<DirEntry> entries, files_->list(place_.state));
    for (const DirEntry& entry : entries) {
      const std::string prefix = fmt::format("{}{}-", kSinkMarkerPrefix, owner_);
      if (!entry.name.starts_with(prefix)) continue;
      RF_ASSIGN(const Epoch marker, read_marker(number_behind(entry.name, prefix)));
      if (marker <= restored) continue;
      return Status::user(
          Code::aborted,
          fmt::format(
              "sink '{}' has already published epoch {} into '{}', but the checkpoint is of epoch {}: going "
              "on from it would publish rows twice. Restore a newer checkpoint, or write to another "
              "directory",
              config_->sink, marker.value, place_.directory, restored.value));
    }
    for (const auto& [epoch, handle] : pending) {
      if (!handle.empty()) RF_TRY(check_pending(epoch, handle));
    }
    for (const auto& [epoch, handle] : pending) RF_TRY(commit(epoch, handle));
    RF_ASSIGN(const Epoch own, read_marker(shard_.value));
    confirmed_.store(own.value, std::memory_order_relaxed);
    // What is left in progress is of no checkpoint. Other shards clear away their own.
    const std::string prefix = fmt::format("{}{}-", kSinkInProgressPrefix, owner_);
    for (const DirEntry& entry : entries) {
      if (!entry.name.starts_with(prefix)) continue;
      const int32_t shard = number_behind(entry.name, prefix);
      if (shard % parallelism_ == shard_.value) RF_TRY(files_->remove(join_path(place_.state, entry.name)));
    }
    return {};
  }

 private:
  Status begin() {
    if (file_ != nullptr) return {};
    in_progress_ =
        fmt::format("{}{}-{}-{:016x}", kSinkInProgressPrefix, owner_, shard_.value, env_->random());
    RF_ASSIGN(file_, files_->create(join_path(place_.state, in_progress_)));
    bytes_ = 0;
    checksum_ = 0;
    buffer_.insert(0, encoder_->header());
    return {};
  }

  // Whole pieces: so that the checksum of a file can be taken again.
  Status write_out() {
    size_t written = 0;
    for (; buffer_.size() - written >= kFlushBytes; written += kFlushBytes) {
      const std::string_view piece = std::string_view(buffer_).substr(written, kFlushBytes);
      RF_TRY(file_->append(piece));
      checksum_ = chain(checksum_, piece);
    }
    bytes_ += static_cast<int64_t>(written);
    buffer_.erase(0, written);
    return {};
  }

  // What a restored checkpoint lists must be here as it was: the marker that it knows of, and the rows of its
  // epoch if they are not published yet.
  Status check_pending(Epoch epoch, const std::string& text) const {
    RF_ASSIGN(const FileHandle handle, decode_handle(text));
    const int32_t shard = shard_of(handle.in_progress);
    RF_ASSIGN(const Epoch marker, read_marker(shard));
    if (marker < handle.confirmed) {
      return Status::external(
          Code::data_loss,
          fmt::format(
              "'{}' says that epoch {} of sink '{}' was published, but the restored checkpoint knows of "
              "epoch {}: it was emptied or is an old copy. Restore it together with '{}', or start the job "
              "under a new name",
              marker_path(shard), marker.value, config_->sink, handle.confirmed.value, place_.directory));
    }
    if (handle.bytes < 0 || marker >= epoch) return {};
    const std::string path = join_path(place_.state, handle.in_progress);
    const Result<std::string> content = read_file(*files_, path);
    if (!content.ok() && content.status().code() == Code::not_found) return {};  // commit() asks for the part
    if (!content.ok()) return content.status();
    if (static_cast<int64_t>(content->size()) == handle.bytes && checksum_of(*content) == handle.checksum)
      return {};
    return Status::external(Code::data_loss,
                            fmt::format("'{}', which holds rows of epoch {} that a checkpoint lists, is "
                                        "damaged. Restore it from a copy, or "
                                        "start the job under a new name to replay them",
                                        path, epoch.value));
  }

  std::string part_name(Epoch epoch) const {
    return fmt::format("part-{}-{:08}-{}.{}", lineage_, epoch.value, shard_.value, encoder_->extension());
  }
  std::string marker_path(int32_t shard) const {
    return join_path(place_.state, fmt::format("{}{}-{}", kSinkMarkerPrefix, owner_, shard));
  }
  int32_t shard_of(const std::string& handle) const {
    return number_behind(handle, fmt::format("{}{}-", kSinkInProgressPrefix, owner_));
  }
  static int32_t number_behind(std::string_view name, std::string_view prefix) {
    int32_t number = 0;
    if (name.starts_with(prefix))
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number);
    return number;
  }

  static std::string encode_marker(Epoch epoch) {
    const std::string number = fmt::format("{}", epoch.value);
    return fmt::format("{} {:016x}\n", number, checksum64(number));
  }

  Result<Epoch> read_marker(int32_t shard) const {
    const Result<std::string> text = read_file(*files_, marker_path(shard));
    if (!text.ok() && text.status().code() == Code::not_found) return Epoch(0);
    if (!text.ok()) return text.status();
    int64_t epoch = -1;
    const std::string_view number = std::string_view(*text).substr(0, text->find_first_of(" \n"));
    // Older versions wrote no checksum.
    const bool whole = parse_all(number, epoch) && epoch >= 0 &&
                       (*text == encode_marker(Epoch(epoch)) || *text == fmt::format("{}\n", epoch));
    if (whole) return Epoch(epoch);
    return Status::external(Code::data_loss, fmt::format("'{}' is damaged: which epoch was published is not "
                                                         "known. Restore it, or start the job under a new "
                                                         "name with another directory",
                                                         marker_path(shard)));
  }

  std::shared_ptr<const SinkConfig> config_;
  std::unique_ptr<Encoder> encoder_;
  FileSinkPlace place_;
  Env* env_ = nullptr;
  FileSystem* files_ = nullptr;
  OperatorMetrics* metrics_ = nullptr;
  Shard shard_;
  int32_t parallelism_ = 1;
  std::string lineage_;
  std::string owner_;  // "<lineage>-<sink>" as it stands in names
  std::string buffer_;
  std::string in_progress_;
  std::unique_ptr<WritableFile> file_;  // of the open epoch; null: nothing written yet
  int64_t bytes_ = 0;                   // of it
  uint64_t checksum_ = 0;
  std::atomic<int64_t> confirmed_{0};  // the last committed epoch of this shard; commit() runs elsewhere
};

Result<std::unique_ptr<Sink>> make_sink(std::shared_ptr<const SinkConfig> config) {
  if (config->options.text("directory").empty()) {
    return Status::user(Code::invalid_argument, "file: 'directory' is empty");
  }
  RF_ASSIGN(std::unique_ptr<Encoder> encoder, config->make_encoder());
  return std::unique_ptr<Sink>(std::make_unique<FileSink>(std::move(config), std::move(encoder)));
}

}  // namespace
}  // namespace rideflow

RIDEFLOW_REGISTER(file_sink) {
  rideflow::SinkKind kind;
  kind.name = "file";
  kind.doc = "Files part-<lineage>-<epoch>-<shard> in a directory, one per checkpoint that had rows.";
  rideflow::OptionSpec directory;
  directory.name = "directory";
  directory.type = rideflow::OptionType::path;
  directory.doc =
      "Where the files go; made when missing. One sink per directory. Markers and rows in progress are "
      "beside it, "
      "in .<name>.rideflow.";
  directory.required = true;
  directory.limits.pattern = ".+";
  directory.limits.rule = "the path of a directory";
  kind.options = {directory};
  kind.uses_format = true;
  kind.own_option = "directory";
  kind.make = rideflow::make_sink;
  catalog.add(std::move(kind));
}
