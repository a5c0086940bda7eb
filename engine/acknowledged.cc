#include "engine/acknowledged.h"

#include <fmt/format.h>

#include <charconv>

#include "engine/hash.h"

namespace rideflow {
namespace {

// Of a rewritten file: damage to it costs no note. No name that anyone may give.
constexpr std::string_view kLastLine;

std::string note_line(std::string_view name, int64_t value) {
  const std::string text = fmt::format("{} {}", name, value);
  return fmt::format("{} {:016x}\n", text, checksum64(text));
}

struct Note {
  std::string_view name;
  int64_t value = 0;
};

std::optional<Note> parse_note(std::string_view line) {
  const size_t last = line.rfind(' ');
  if (last == std::string_view::npos) return std::nullopt;
  const std::string_view text = line.substr(0, last);
  if (line.substr(last + 1) != fmt::format("{:016x}", checksum64(text))) return std::nullopt;
  const size_t space = text.rfind(' ');
  if (space == std::string_view::npos) return std::nullopt;
  Note note;
  note.name = text.substr(0, space);
  const std::string_view number = text.substr(space + 1);
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), note.value);
  if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size()) return std::nullopt;
  return note;
}

}  // namespace

Result<Acknowledged> Acknowledged::open(FileSystem& fs, std::string path) {
  Acknowledged out;
  out.fs_ = &fs;
  out.path_ = std::move(path);
  const Result<std::string> content = read_file(fs, out.path_);
  if (!content.ok() && content.status().code() == Code::not_found) return out;
  if (!content.ok()) return Status(content.status());
  bool torn = false;
  for (std::string_view rest = *content; !rest.empty();) {
    const size_t end = rest.find('\n');
    const std::optional<Note> note =
        end == std::string_view::npos ? std::nullopt : parse_note(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (note && torn) {
      // Only the end can be torn: notes before it that changed may have been any.
      out.values_.clear();
      out.damage_ = fmt::format("'{}' is damaged: what was acknowledged is not known", out.path_);
      return out;
    }
    torn = torn || !note;
    if (note && note->name != kLastLine) out.values_.insert_or_assign(std::string(note->name), note->value);
  }
  return out;
}

std::optional<int64_t> Acknowledged::find(std::string_view name) const {
  const auto it = values_.find(name);
  return it == values_.end() ? std::nullopt : std::optional<int64_t>(it->second);
}

void Acknowledged::set(std::string_view name, int64_t value) {
  const auto it = values_.find(name);
  if (it != values_.end() && it->second == value) return;
  values_.insert_or_assign(std::string(name), value);
  unwritten_ += note_line(name, value);
}

void Acknowledged::flush() {
  if (unwritten_.empty()) return;
  if (file_ == nullptr || file_->size() > kRewriteBytes) {
    (void)write();
    return;
  }
  // After an error the line may stand there in part: nothing may follow it.
  if (!file_->append(unwritten_).ok()) file_.reset();
  unwritten_.clear();
}

Status Acknowledged::write() {
  std::string content;
  for (const auto& [name, value] : values_) content += note_line(name, value);
  content += note_line(kLastLine, 0);
  file_.reset();
  unwritten_.clear();
  RF_TRY(write_file_atomic(*fs_, path_, content));
  RF_ASSIGN(file_, fs_->append(path_));
  return {};
}

}  // namespace rideflow
