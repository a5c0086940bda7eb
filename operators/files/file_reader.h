// FileReader: the connector of the source kind `file`. A position is the offset in the current file's
// content, and the list of files (file_list.h).
//
// Each file is read once, whatever it is called: a renamed one is known by its bytes, one that grew is read
// on, one that was replaced is read as a new file, and of one that changed in any other way after it was read
// it is said so (file_changes.cc). A last record without its end becomes a row only when the file has settled
// (settled()). One thread.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/record_reader.h"
#include "operators/files/file_list.h"
#include "operators/files/file_pattern.h"
#include "operators/files/line_reader.h"

namespace rideflow {

struct FileOptions {
  std::string path;
  bool watch = false;
  int32_t partitions = 1;
  int64_t settle_micros = 0;       // unchanged for so long: nothing more comes
  int64_t torn_settle_micros = 0;  // the same of a file that ends inside of a record, or of compressed data
  double max_ratio = 0;
  Framing framing;  // where the format ends a record
};

class FileReader : public RecordReader {
 public:
  explicit FileReader(FileOptions options);

  Status open(const OpenContext& context) override;
  Result<std::vector<Partition>> partitions() override;
  bool may_grow() const override { return false; }
  bool ends() const override { return !options_.watch; }
  Result<Position> resolve(Partition partition, StartAt at, Micros time) override;
  Result<Position> end(Partition partition) override;
  bool reached(const Position& position, const Position& end) const override;
  Status assign(Partition partition, const Position& position) override;
  Result<Poll> poll(Partition partition, int32_t budget) override;
  Position position(Partition partition) const override;
  std::shared_ptr<const SourceFiles> files() override;

 private:
  struct Part {
    Partition partition;
    bool assigned = false;
    FileList list;
    int64_t offset = 0;                 // in the content of the current file
    std::unique_ptr<LineReader> lines;  // of the current file; null: not open
    DirEntry opened;                    // the current file when it was opened
    DirEntry seen;                      // and when it was last looked at
    Micros seen_at = 0;                 // monotonic: since when it has been like that
    Micros at_end_since = kNoTime;      // monotonic: its end was reached first
    int64_t found_version = -1;         // of what was found, already taken into the list
    bool first_is_torn = false;         // first_line had no line break yet
    bool checked = false;               // all that is done was compared with what is there
    int64_t asks_for = 0;               // waits for the listing of this number, or a later one; 0: for none
    std::shared_ptr<const std::string> name;
    std::shared_ptr<const std::string> first_line;
  };
  enum class Step : uint8_t { rows, next_file, wait_at_end, wait_inside };

  Part& at(Partition partition) { return parts_[static_cast<size_t>(partition.value)]; }
  Partition partition_of(const std::string& name) const;
  bool belongs(const std::string& name, Partition partition) const { return partition_of(name) == partition; }
  const DirEntry* found(const std::string& name) const;

  // Reading.
  Result<Step> read(Part& part, int32_t budget, std::shared_ptr<const Origin>& chunk);
  Result<Step> open_current(Part& part);
  Result<Step> open_bytes(Part& part, const DirEntry& entry, const std::string& path);
  Status rest_is_gone(const Part& part, const std::string& path) const;
  Result<Step> current_gone(Part& part, const std::string& path);
  Result<bool> is_known_by_another_name(Part& part, const DirEntry& entry, const std::string& path);
  // wait_*: more may come; next_file: this is all.
  Result<Step> at_end(Part& part);
  Result<Step> finish_rest_of_torn(Part& part);
  Status finish(Part& part, const DirEntry& entry, bool torn);
  void note_look(Part& part, const DirEntry& entry);
  bool settled(const Part& part, const DirEntry& entry, bool inside) const;

  // What was found, and what became of what is known. Directories are listed in the background.
  struct Listing {
    FilePattern pattern;  // learns from it
    int64_t number = 0;
    Micros begun_at = 0;  // monotonic, as ended_at
    Micros ended_at = 0;
    Status status;
    std::vector<DirEntry> found;
  };
  static void list(Listing& listing, FileSystem& files, Env& env);
  Status scan();
  Result<bool> scanned_for(Part& part);
  Poll again(Poll poll) const;
  void begin_listing();
  Status take_listing();
  Status take(Listing& listing);
  Status no_match(const Status& status);
  void tell_left_out();
  Status take_renamed_files();
  Status take_found(Part& part);
  Result<bool> take_renamed(Part& part, const DirEntry& entry);
  Status take_change(Part& part, const ListedFile& known, const DirEntry& entry);
  Status read_on(Part& part, const ListedFile& known, const DirEntry& entry);
  Status check_done(Part& part);
  void refuse(Part& part, ListedFile file, const DirEntry& entry, const std::string& why);
  void add_progress(const Part& part, SourceFiles& files) const;

  FileOptions options_;
  FilePattern pattern_;
  std::vector<Part> parts_;
  std::vector<DirEntry> found_;  // by name
  int64_t found_version_ = 0;
  int64_t renamed_version_ = 0;  // of what was found, already looked through for known files
  Micros next_scan_ = kNoTime;   // monotonic
  int64_t listings_ = 0;         // begun so far, and of them the newest that was taken:
  int64_t listed_number_ = 0;
  std::shared_ptr<Listing> listing_;
  std::shared_ptr<Completion> listed_;  // null: no listing is under way
  bool opened_ = false;
  std::unordered_map<std::string, std::string> notes_;  // why a file was refused
  Env* env_ = nullptr;
  FileSystem* files_ = nullptr;
  std::shared_ptr<FileSystem> owned_files_;  // the same, where it is the job's own
  WakerRef waker_;
  std::string step_;
};

}  // namespace rideflow
