// Diagnostics: everything that is wrong with a job, each with its place.
//
// The loader and the planner add to one list and go on, so that a user sees all errors of a file at once.
// Plain values; one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/text_pos.h"

namespace rideflow {

struct Diagnostic {
  TextPos pos;          // line 0: about the file as a whole
  std::string path;     // "streams.city_minute.aggregate.revenue"; empty at the top
  std::string message;  // "unknown column 'fares' (did you mean 'fare'?)"
};

class Diagnostics {
 public:
  void error(TextPos pos, std::string path, std::string message);
  void warning(TextPos pos, std::string path, std::string message);
  bool ok() const { return errors_.empty(); }
  const std::vector<Diagnostic>& errors() const { return errors_; }
  const std::vector<Diagnostic>& warnings() const { return warnings_; }
  // By place, each once.
  void sort();

 private:
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
};

// "job.yaml:12:3  streams.x.where: message".
std::string to_string(const Diagnostic& diagnostic, std::string_view file);
// One JSON object: {"file","line","column","path","message","severity"}.
void append_json(std::string& out, const Diagnostic& diagnostic, std::string_view file,
                 std::string_view severity);

// "a.b", or the one that is not empty.
std::string dotted(std::string_view parent, std::string_view name);

}  // namespace rideflow
