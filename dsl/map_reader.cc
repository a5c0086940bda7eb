#include "dsl/map_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/catalog.h"

namespace rideflow {

MapReader::MapReader(const YamlNode& node, std::string path, TextPos pos, Diagnostics& diagnostics)
    : node_(node), path_(std::move(path)), pos_(pos), diagnostics_(diagnostics) {
  if (!node.is_map() && !node.is_null())
    diagnostics_.error(node.pos, path_,
                       fmt::format("expected keys and values here, found {}", node.kind_name()));
}

const YamlEntry* MapReader::find(std::string_view key) {
  known_.insert(std::string(key));
  for (const YamlEntry& entry : node_.entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

const YamlEntry* MapReader::need(std::string_view key, std::string_view what) {
  const YamlEntry* entry = find(key);
  if (!entry && (node_.is_map() || node_.is_null()))
    diagnostics_.error(pos_, path_, fmt::format("'{}' is missing: {}", key, what));
  return entry;
}

std::string MapReader::text(std::string_view key, std::string fallback) {
  const YamlEntry* entry = find(key);
  if (!entry) return fallback;
  if (!need_scalar(entry->value, entry->key_pos, path_of(key), "a value", diagnostics_)) return fallback;
  return entry->value.text;
}

std::vector<const YamlEntry*> MapReader::others() const {
  std::vector<const YamlEntry*> out;
  for (const YamlEntry& entry : node_.entries)
    if (!known_.contains(entry.key) && !refused_.contains(entry.key)) out.push_back(&entry);
  return out;
}

void MapReader::refuse(const YamlEntry& entry, std::string message) {
  refused_.insert(entry.key);
  diagnostics_.error(entry.key_pos, path_of(entry.key), std::move(message));
}

void MapReader::finish(std::vector<std::string> more) {
  more.insert(more.end(), known_.begin(), known_.end());
  std::sort(more.begin(), more.end());
  more.erase(std::unique(more.begin(), more.end()), more.end());
  for (const YamlEntry* entry : others()) {
    std::string message = fmt::format("unknown key '{}'", entry->key);
    const std::string hint = did_you_mean(entry->key, more);
    if (!hint.empty()) {
      message += " " + hint;
    } else if (!more.empty() && more.size() <= 12) {
      message += " (known here: ";
      for (size_t i = 0; i < more.size(); ++i) message += (i ? ", " : "") + more[i];
      message += ")";
    } else if (more.empty()) {
      message += ": nothing can be set here";
    }
    diagnostics_.error(entry->key_pos, path_of(entry->key), std::move(message));
  }
}

bool need_scalar(const YamlNode& node, TextPos pos, const std::string& path, std::string_view what,
                 Diagnostics& diagnostics) {
  if (node.is_scalar()) return true;
  diagnostics.error(node.is_null() ? pos : node.pos, path,
                    fmt::format("expected {} here, found {}", what, node.kind_name()));
  return false;
}

}  // namespace rideflow
