// The source kind `file`: lines of files in a directory, or of one file, each file once.
#include "engine/catalog.h"
#include "operators/files/file_reader.h"
#include "operators/option_spec.h"

namespace rideflow {
namespace {

Result<std::unique_ptr<RecordReader>> make_reader(const SourceConfig& config) {
  const Options& o = config.options;
  FileOptions options;
  options.path = o.text("path");
  options.watch = o.flag("watch");
  const int64_t partitions = o.integer("partitions", 1);
  options.settle_micros = o.micros("settle", 2 * kMicrosPerSecond);
  // A writer may pause anywhere: longer pauses are between records than inside of one.
  options.torn_settle_micros = o.micros("settle", 30 * kMicrosPerSecond);
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
  kind.doc =
      "Lines of a file or of all files of a directory or pattern, plain, gzip or zstd; each file once, "
      "whatever its name.";
  kind.options = {
      rideflow::with_pattern(rideflow::required_option("path", OptionType::path,
                                                       "A file, a directory (without its subfolders), or a "
                                                       "pattern: '*' and '?' in any part, '**' for any "
                                                       "folders, letters of either case. A relative path is "
                                                       "relative to the directory in which rideflow "
                                                       "is started, not to the job file."),
                             ".+", "a path that is not empty"),
      rideflow::option_spec(
          "watch", OptionType::boolean,
          "Wait for more files, and for more of those that grow; otherwise the source ends with the last.",
          "false"),
      rideflow::with_range(rideflow::option_spec("partitions", OptionType::integer,
                                                 "Partitions among which files are spread by name.", "1"),
                           1, rideflow::kMostPartitions),
      rideflow::with_range(
          rideflow::option_spec(
              "settle", OptionType::duration,
              "A file that is watched, or grows while it is read, is whole when it has not changed "
              "for so long: 2s by default, 30s where it ends inside of a record (without a line "
              "break) or of its compressed data."),
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
