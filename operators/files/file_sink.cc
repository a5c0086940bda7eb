// The sink kind `file`: part files in a directory, exactly once.
//
// The rows of an epoch are written to .inprogress-<lineage>-<sink>-<shard>-<random>, synced in prepare(), and
// renamed to part-<lineage>-<epoch>-<shard>.<extension> by commit(). Then .committed-<lineage>-<sink>-<shard>
// names the epoch, so that a part that somebody took away meanwhile is not written again.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/catalog.h"
#include "engine/job_access.h"

namespace rideflow {
namespace {

constexpr size_t kFlushBytes = size_t{1} << 20;

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
        directory_(config_->options.text("directory")) {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    files_ = &files_of_job(context);
    metrics_ = context.metrics;
    shard_ = context.shard;
    parallelism_ = std::max(1, context.parallelism);
    lineage_ = file_name_part(context.lineage);
    owner_ = fmt::format("{}-{}", lineage_, file_name_part(config_->sink));
    return files_->make_dirs(directory_);
  }

  Status process(int, Batch batch, Output&) override {
    for (int32_t row = 0; row < batch.rows; ++row) encoder_->encode(batch, row, /*framed=*/true, buffer_);
    if (metrics_ != nullptr) metrics_->rows_absorbed.add(batch.rows);
    if (buffer_.size() < kFlushBytes) return {};
    // Into the page cache; the sync is prepare()'s, and not on this thread.
    RF_TRY(begin());
    RF_TRY(file_->append(buffer_));
    buffer_.clear();
    return {};
  }

  Result<Prepared> prepare(Epoch epoch) override {
    if (file_ == nullptr && buffer_.empty()) return Prepared{};
    RF_TRY(begin());
    Prepared prepared;
    prepared.handle = fmt::format("{}\n{}", in_progress_, part_name(epoch));
    auto file = std::make_shared<std::unique_ptr<WritableFile>>(std::move(file_));
    prepared.durable = env_->offload([file, rest = std::exchange(buffer_, {}), env = env_, files = files_,
                                      directory = directory_]() -> Status {
      RF_TRY((*file)->append(rest));
      env->kill_point("file_sink_prepare_before_sync");
      RF_TRY((*file)->sync());
      RF_TRY((*file)->close());
      env->kill_point("file_sink_prepare_after_sync");
      return files->sync_dir(directory);
    });
    file_ = nullptr;
    return prepared;
  }

  Status commit(Epoch epoch, const std::string& handle) override {
    if (handle.empty()) return {};
    const size_t line = handle.find('\n');
    const std::string from = join_path(directory_, handle.substr(0, line));
    const std::string to = join_path(directory_, handle.substr(line + 1));
    FileSystem& fs = *files_;
    // The shard that wrote it, which may be another than this one after a change of parallelism.
    const int32_t shard = shard_of(handle);
    RF_ASSIGN(const Epoch marker, read_marker(shard));
    if (marker >= epoch) return fs.remove(from);
    const bool waiting = fs.stat(from).ok();
    const bool published = fs.stat(to).ok();
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
    RF_TRY(fs.sync_dir(directory_));
    env_->kill_point("file_sink_commit_before_marker");
    RF_TRY(write_file_atomic(fs, marker_path(shard), fmt::format("{}\n", epoch.value)));
    env_->kill_point("file_sink_commit_after_marker");
    return {};
  }

  Status recover(Epoch restored, const std::vector<std::pair<Epoch, std::string>>& pending) override {
    RF_ASSIGN(const std::vector<DirEntry> entries, files_->list(directory_));
    for (const DirEntry& entry : entries) {
      const std::string prefix = ".committed-" + owner_ + "-";
      if (!entry.name.starts_with(prefix)) continue;
      RF_ASSIGN(const Epoch marker, read_marker(number_behind(entry.name, prefix)));
      if (marker <= restored) continue;
      return Status::user(
          Code::aborted,
          fmt::format(
              "sink '{}' has already published epoch {} into '{}', but the checkpoint is of epoch {}: going "
              "on from it would publish rows twice. Restore a newer checkpoint, or write to another "
              "directory",
              config_->sink, marker.value, directory_, restored.value));
    }
    for (const auto& [epoch, handle] : pending) RF_TRY(commit(epoch, handle));
    // What is left in progress is of no checkpoint. Other shards clear away their own.
    const std::string prefix = ".inprogress-" + owner_ + "-";
    for (const DirEntry& entry : entries) {
      if (!entry.name.starts_with(prefix)) continue;
      const int32_t shard = number_behind(entry.name, prefix);
      if (shard % parallelism_ == shard_.value) RF_TRY(files_->remove(join_path(directory_, entry.name)));
    }
    return {};
  }

 private:
  Status begin() {
    if (file_ != nullptr) return {};
    in_progress_ = fmt::format(".inprogress-{}-{}-{:016x}", owner_, shard_.value, env_->random());
    RF_ASSIGN(file_, files_->create(join_path(directory_, in_progress_)));
    return file_->append(encoder_->header());
  }

  std::string part_name(Epoch epoch) const {
    return fmt::format("part-{}-{:08}-{}.{}", lineage_, epoch.value, shard_.value, encoder_->extension());
  }
  std::string marker_path(int32_t shard) const {
    return join_path(directory_, fmt::format(".committed-{}-{}", owner_, shard));
  }
  int32_t shard_of(const std::string& handle) const {
    return number_behind(handle, ".inprogress-" + owner_ + "-");
  }
  static int32_t number_behind(std::string_view name, std::string_view prefix) {
    int32_t number = 0;
    if (name.starts_with(prefix))
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number);
    return number;
  }

  Result<Epoch> read_marker(int32_t shard) const {
    const Result<std::string> text = read_file(*files_, marker_path(shard));
    if (!text.ok() && text.status().code() == Code::not_found) return Epoch(0);
    if (!text.ok()) return text.status();
    int64_t epoch = -1;
    std::from_chars(text->data(), text->data() + text->size(), epoch);
    if (epoch >= 0) return Epoch(epoch);
    return Status::external(Code::data_loss, fmt::format("'{}' names no epoch", marker_path(shard)));
  }

  std::shared_ptr<const SinkConfig> config_;
  std::unique_ptr<Encoder> encoder_;
  std::string directory_;
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
  directory.doc = "Where the files go; made when missing. One sink per directory.";
  directory.required = true;
  directory.limits.pattern = ".+";
  directory.limits.rule = "the path of a directory";
  kind.options = {directory};
  kind.uses_format = true;
  kind.make = rideflow::make_sink;
  catalog.add(std::move(kind));
}
