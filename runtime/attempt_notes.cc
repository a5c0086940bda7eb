#include "runtime/attempt_notes.h"

#include "engine/mappable_files.h"

namespace rideflow {
namespace {

Result<std::optional<std::string>> read_note(FileSystem& fs, const std::string& path) {
  Result<std::string> bytes = read_file(fs, path);
  if (bytes.ok()) return std::optional<std::string>(*std::move(bytes));
  if (bytes.status().code() == Code::not_found) return std::optional<std::string>();
  return std::move(bytes).status();
}

}  // namespace

AttemptNotes::AttemptNotes(Env& env, std::string directory)
    : env_(env),
      directory_(std::move(directory)),
      care_(join_path(directory_, "CARE")),
      crash_(join_path(directory_, "CRASH")) {}

Result<Care> AttemptNotes::load() {
  RF_ASSIGN(const std::optional<std::string> bytes, read_note(env_.fs(), care_));
  if (!bytes) return Care();
  Result<Care> care = decode_care(*bytes);
  if (!care.ok()) return std::move(care).status().with(care_);
  saved_ = *care;
  return care;
}

void AttemptNotes::save(const Care& care) {
  Care wanted = care.knows_nothing() ? Care() : care;
  if (wanted == saved_) return;
  Status status = env_.fs().make_dirs(directory_);
  if (status.ok()) status = write_file_atomic(env_.fs(), care_, encode_care(wanted));
  if (status.ok()) {
    saved_ = std::move(wanted);
  } else {
    env_.warn("attempt_notes_not_saved", {{"why", status.to_string()}});
  }
}

Result<std::optional<Evidence>> AttemptNotes::take_crash() {
  RF_ASSIGN(const std::optional<std::string> bytes, read_note(env_.fs(), crash_));
  if (!bytes) return std::optional<Evidence>();
  RF_TRY(env_.fs().remove(crash_));
  return JobNote::of_crash(*bytes);
}

void AttemptNotes::end() {
  const Status gone = env_.fs().remove(crash_);
  if (!gone.ok()) env_.warn("crash_note_stays", {{"why", gone.to_string()}});
}

// A job runs without it, too: then a crash is not explained.
std::shared_ptr<JobNote> AttemptNotes::begin(size_t sources) {
  auto* const files = dynamic_cast<MappableFiles*>(&env_.fs());
  if (files == nullptr) return JobNote::in_memory(sources);
  Result<std::shared_ptr<void>> memory = map(*files, JobNote::bytes_for(sources));
  if (memory.ok()) return std::make_shared<JobNote>(*std::move(memory), sources);
  env_.warn("crash_note_missing", {{"why", memory.status().to_string()}});
  return JobNote::in_memory(sources);
}

Result<std::shared_ptr<void>> AttemptNotes::map(MappableFiles& files, size_t bytes) {
  RF_TRY(env_.fs().make_dirs(directory_));
  return files.map_new(crash_, bytes);
}

}  // namespace rideflow
