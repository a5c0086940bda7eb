#include "runtime/job_env.h"

#include <algorithm>

#include "runtime/posix_env.h"

namespace rideflow {

void JobEnv::log(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  std::vector<LogField> named(fields.begin(), fields.end());
  const bool has = std::any_of(named.begin(), named.end(), [](const LogField& f) { return f.key == "job"; });
  if (!has) named.insert(named.begin(), {"job", job_});
  env_.log(level, event, named);
  if (level == LogLevel::debug) return;

  JobLogLine line;
  line.text = format_log_line(env_.now(), level, event, named);
  if (line.text.size() > kLongest) {
    size_t end = kLongest;
    while ((static_cast<unsigned char>(line.text[end]) & 0xC0) == 0x80) --end;  // between two characters
    line.text.resize(end);
    line.text += "…";
  }
  const std::lock_guard lock(mutex_);
  line.number = ++newest_;
  lines_.push_back(std::move(line));
  if (lines_.size() > kKept) lines_.pop_front();
}

std::vector<JobLogLine> JobEnv::lines(int64_t number) const {
  const std::lock_guard lock(mutex_);
  std::vector<JobLogLine> found;
  for (const JobLogLine& line : lines_) {
    if (line.number > number) found.push_back(line);
  }
  return found;
}

}  // namespace rideflow
