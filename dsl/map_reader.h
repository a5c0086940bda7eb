// Reads one map of a job file key by key and refuses what nobody asked for.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "dsl/diagnostics.h"
#include "dsl/yaml_document.h"

namespace rideflow {

class MapReader {
 public:
  // Anything but a map (or nothing) is an error; the reader is then empty.
  MapReader(const YamlNode& node, std::string path, TextPos pos, Diagnostics& diagnostics);

  // The entry of a key, or null. The key is known from now on.
  const YamlEntry* find(std::string_view key);
  // … and an error when it is missing.
  const YamlEntry* need(std::string_view key, std::string_view what);
  // A scalar's text; `fallback` when the key is missing, an error when it is no scalar.
  std::string text(std::string_view key, std::string fallback = {});
  std::string path_of(std::string_view key) const { return dotted(path_, key); }
  // Entries whose key was not asked for.
  std::vector<const YamlEntry*> others() const;
  // An error of an entry not asked for that says more than finish() would.
  void refuse(const YamlEntry& entry, std::string message);
  // Adds an error for every other entry not asked for; `more` are other words that could stand here.
  void finish(std::vector<std::string> more = {});

 private:
  const YamlNode& node_;
  std::string path_;
  TextPos pos_;
  Diagnostics& diagnostics_;
  std::set<std::string, std::less<>> known_;
  std::set<std::string, std::less<>> refused_;
};

// The text of a scalar, or an error that says what should stand there.
bool need_scalar(const YamlNode& node, TextPos pos, const std::string& path, std::string_view what,
                 Diagnostics& diagnostics);

}  // namespace rideflow
