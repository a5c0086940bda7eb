// The source kind `file`: lines of files in a directory, or of one file, each file once.
#include <fmt/format.h>

#include <algorithm>

#include "engine/catalog.h"
#include "engine/hash.h"
#include "engine/job_access.h"
#include "operators/files/file_list.h"
#include "operators/files/line_reader.h"
#include "operators/option_spec.h"

namespace rideflow {
namespace {

struct FileOptions {
  std::string path;
  bool watch = false;
  int32_t partitions = 1;
  int64_t settle_micros = 0;
  double max_ratio = 0;
  Framing framing;  // where the format ends a record
};

// A position is the byte offset in the current file's content, and the list of files (file_list.h).
class FileReader : public RecordReader {
 public:
  explicit FileReader(FileOptions options)
      : options_(std::move(options)),
        pattern_(options_.path),
        parts_(static_cast<size_t>(options_.partitions)) {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    files_ = &files_of_job(context);
    return scan();
  }

  Result<std::vector<Partition>> partitions() override {
    std::vector<Partition> all;
    for (int32_t p = 0; p < options_.partitions; ++p) all.emplace_back(p);
    return all;
  }
  bool may_grow() const override { return false; }

  Result<Position> resolve(Partition partition, StartAt at, Micros time) override {
    FileList list;
    if (at != StartAt::earliest) {
      std::vector<std::string> old;
      for (const DirEntry& entry : found_) {
        if (at == StartAt::latest || entry.modified < time) old.push_back(entry.name);
      }
      list.add(only(partition, old));
      list.finish_all();
    }
    list.add(only(partition, names_found()));
    return Position{0, list.encode()};
  }

  // Behind all files that are there now. Its offset, for the display of lag, is the size of the current one.
  Result<Position> end(Partition partition) override {
    Part& part = at(partition);
    FileList list = part.list;
    list.add(only(partition, names_found()));
    list.finish_all();
    int64_t size = part.lines == nullptr ? 0 : part.lines->offset();
    if (part.list.current() != nullptr) {
      const Result<DirEntry> entry = files_->stat(pattern_.path_of(*part.list.current()));
      if (!entry.ok() && entry.status().code() != Code::not_found) return entry.status();
      if (entry.ok()) size = std::max(size, entry->size);
    }
    return Position{size, list.encode()};
  }

  bool reached(const Position& position, const Position& end) const override {
    const int64_t done = FileList::done_of(position.detail);
    return done >= 0 && done >= FileList::done_of(end.detail);
  }

  Status assign(Partition partition, const Position& position) override {
    Part& part = at(partition);
    RF_ASSIGN(part.list, FileList::decode(position.detail));
    part.offset = position.offset;
    part.lines = nullptr;
    return {};
  }

  Result<Poll> poll(Partition partition, int32_t budget) override {
    Part& part = at(partition);
    Poll poll;
    for (;;) {
      if (part.list.current() == nullptr) {
        if (!options_.watch) {
          poll.state = Poll::State::ended;
          return poll;
        }
        RF_TRY(scan());
        if (!part.list.add(only(partition, names_found()))) {
          poll.state = Poll::State::proven_end;
          return poll;
        }
      }
      RF_ASSIGN(const Step step, read(part, partition, budget, poll.chunk));
      if (step == Step::rows) return poll;
      if (step == Step::wait) {
        poll.state = Poll::State::proven_end;
        return poll;
      }
    }
  }

  Position position(Partition partition) const override {
    const Part& part = parts_[static_cast<size_t>(partition.value)];
    return Position{part.offset, part.list.encode()};
  }

 private:
  struct Part {
    FileList list;
    int64_t offset = 0;                 // in the content of the current file
    std::unique_ptr<LineReader> lines;  // of the current file; null: not open
    std::shared_ptr<const std::string> name;
    std::shared_ptr<const std::string> first_line;
  };
  enum class Step : uint8_t { rows, next_file, wait };

  Part& at(Partition partition) { return parts_[static_cast<size_t>(partition.value)]; }

  std::vector<std::string> names_found() const {
    std::vector<std::string> names;
    for (const DirEntry& entry : found_) names.push_back(entry.name);
    return names;
  }

  std::vector<std::string> only(Partition partition, std::vector<std::string> names) const {
    std::erase_if(names, [&](const std::string& name) {
      return static_cast<int32_t>(hash_bytes(name) % static_cast<uint64_t>(options_.partitions)) !=
             partition.value;
    });
    return names;
  }

  // At most five times a second.
  Status scan() {
    const Micros now = env_->monotonic();
    if (scanned_at_ != kNoTime && now - scanned_at_ < kMicrosPerSecond / 5) return {};
    scanned_at_ = now;
    Result<std::vector<DirEntry>> found = pattern_.list(*files_);
    if (found.ok()) {
      found_ = *std::move(found);
    } else if (found.status().code() == Code::not_found && options_.watch) {
      found_.clear();  // it may still come
    } else if (found.status().code() == Code::not_found) {
      return Status::user(
          Code::not_found,
          fmt::format("there is no file or directory '{}'; 'watch: true' would wait for it", options_.path));
    } else {
      return std::move(found).status();
    }
    return {};
  }

  Result<Step> read(Part& part, Partition partition, int32_t budget, std::shared_ptr<const Origin>& chunk) {
    const std::string path = pattern_.path_of(*part.list.current());
    if (part.lines == nullptr) {
      RF_ASSIGN(const Step opened, open_current(part, path));
      if (opened != Step::rows) return opened;
    }
    auto origin = std::make_shared<Origin>();
    origin->topic = part.name;
    origin->partition = partition;
    origin->first_line = part.first_line;
    Result<bool> got = part.lines->read(budget, *origin);
    if (!got.ok()) return std::move(got).status().with(path);
    if (!*got) {
      RF_ASSIGN(const bool whole, is_whole(part, path));
      if (!whole) return Step::wait;
      const bool tail = part.lines->read_tail(*origin);
      part.list.finish_current();
      part.lines = nullptr;
      part.offset = 0;
      if (!tail) return Step::next_file;
    } else {
      part.offset = part.lines->offset();
    }
    if (origin->records.empty()) return Step::next_file;  // blank lines only: go on
    chunk = std::move(origin);
    return Step::rows;
  }

  // Step::rows: it is open.
  Result<Step> open_current(Part& part, const std::string& path) {
    const Result<DirEntry> entry = files_->stat(path);
    if (!entry.ok() && entry.status().code() == Code::not_found) {
      if (part.offset > 0) {
        return Status::external(Code::data_loss, fmt::format("'{}' was read in part and is gone", path));
      }
      env_->warn("file_gone", {{"path", path}});
      part.list.finish_current();
      return Step::next_file;
    }
    if (!entry.ok()) return entry.status();
    RF_ASSIGN(auto bytes, ByteSource::open(*files_, path, options_.max_ratio));
    auto lines = std::make_unique<LineReader>(std::move(bytes), options_.framing);
    // The first line that is not empty must be whole before any is read: it may be a header.
    Origin first;
    for (bool more = true; more && (first.records.empty() || first.records[0].payload.empty());) {
      first.records.clear();
      Result<bool> got = lines->read(1, first);
      if (!got.ok()) return std::move(got).status().with(path);
      more = *got;
      if (more) continue;
      const bool settled = !options_.watch || env_->now() - entry->modified >= options_.settle_micros;
      if (!settled) return Step::wait;
      lines->read_tail(first);
    }
    part.first_line =
        first.records.empty() ? nullptr : std::make_shared<const std::string>(first.records[0].payload);
    RF_ASSIGN(bytes, ByteSource::open(*files_, path, options_.max_ratio));
    part.lines = std::make_unique<LineReader>(std::move(bytes), options_.framing);
    RF_TRY(part.lines->skip_to(part.offset).with(path));
    part.name = std::make_shared<const std::string>(path);
    return Step::rows;
  }

  // Whether nothing more is to be expected at the end of the current file.
  Result<bool> is_whole(const Part& part, const std::string& path) const {
    if (options_.watch) {
      const Result<DirEntry> entry = files_->stat(path);
      if (!entry.ok() && entry.status().code() != Code::not_found) return entry.status();
      if (entry.ok()) {
        const bool grew = entry->size > part.lines->bytes().consumed();
        if (grew || env_->now() - entry->modified < options_.settle_micros) return false;
      }
    }
    if (part.lines->bytes().at_boundary()) return true;
    return Status::external(Code::data_loss,
                            fmt::format("'{}' ends in the middle of its compressed data", path));
  }

  FileOptions options_;
  FilePattern pattern_;
  std::vector<Part> parts_;
  std::vector<DirEntry> found_;
  Micros scanned_at_ = kNoTime;
  Env* env_ = nullptr;
  FileSystem* files_ = nullptr;
};

Result<std::unique_ptr<RecordReader>> make_reader(const SourceConfig& config) {
  const Options& o = config.options;
  FileOptions options;
  options.path = o.text("path");
  options.watch = o.flag("watch");
  const int64_t partitions = o.integer("partitions", 1);
  options.settle_micros = o.micros("settle", 2 * kMicrosPerSecond);
  options.max_ratio = o.has("max_ratio") ? o.find("max_ratio")->number : 250;
  options.partitions = static_cast<int32_t>(partitions);
  options.framing = config.framing;
  return std::unique_ptr<RecordReader>(std::make_unique<FileReader>(std::move(options)));
}

}  // namespace
}  // namespace rideflow

RIDEFLOW_REGISTER(file_source) {
  using rideflow::OptionType;
  rideflow::SourceKind kind;
  kind.name = "file";
  kind.doc = "Lines of a file or of all files of a directory, plain, gzip or zstd; each file once.";
  kind.options = {
      rideflow::with_pattern(
          rideflow::required_option("path", OptionType::path,
                                    "A file, a directory, or a pattern with * and ? in its last part."),
          "([^*?]*/)?[^/]+|[^*?]+", "a path that is not empty, with '*' and '?' in its last part only"),
      rideflow::option_spec("watch", OptionType::boolean,
                            "Wait for more files; otherwise the source ends with the last.", "false"),
      rideflow::with_range(rideflow::option_spec("partitions", OptionType::integer,
                                                 "Partitions among which files are spread by name.", "1"),
                           1, rideflow::kMostPartitions),
      rideflow::with_range(
          rideflow::option_spec("settle", OptionType::duration,
                                "With watch: a file is whole when it has not changed for so long.", "2s"),
          0),
      rideflow::with_range(
          rideflow::option_spec("max_ratio", OptionType::number,
                                "Compressed files may hold at most this many bytes per compressed byte.",
                                "250"),
          1),
  };
  kind.has_timestamp = false;
  kind.make = rideflow::make_reader;
  catalog.add(std::move(kind));
}
