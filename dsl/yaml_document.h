// The YAML of a job file as a small tree with places.
//
// Built from yaml-cpp's events, never by YAML::Load, which resolves aliases before anybody can refuse them.
// Refused: more than 1 MiB, more than 64 levels, anchors, aliases, explicit tags, duplicate keys, keys that
// are not scalars, several documents, text that is not UTF-8. A tree is a plain value; places count lines and
// columns from 1, columns in characters.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostics.h"
#include "engine/text_pos.h"

namespace rideflow {

inline constexpr size_t kMaxYamlBytes = size_t{1} << 20;
inline constexpr int kMaxYamlDepth = 64;

struct YamlEntry;

struct YamlNode {
  enum class Kind : uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  bool quoted = false;  // a scalar in quotes or a block scalar: never a number or a boolean by its looks
  bool flow = false;    // a list or map in [] or {}
  TextPos pos;
  std::string text;       // of a scalar; variables replaced once variables.h has run. Of null its word: "~"
  size_t raw_offset = 0;  // where a scalar begins in the file, in bytes
  // When variables were replaced: the scalar as written, and the byte of it that each byte of `text` comes
  // from.
  std::string written;
  std::vector<uint32_t> written_at;
  std::vector<YamlNode> items;     // list
  std::vector<YamlEntry> entries;  // map, in the file's order

  bool is_null() const { return kind == Kind::null; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }
  // The value under a key of a map, or null.
  const YamlNode* find(std::string_view key) const;
  // "a list", "a map", "a value", "nothing": for messages.
  std::string_view kind_name() const;
};

struct YamlEntry {
  std::string key;
  TextPos key_pos;
  YamlNode value;
};

struct YamlDocument {
  std::string text;  // the file, without a byte order mark
  YamlNode root;
  std::vector<size_t> line_starts;  // byte offsets
  // By path: what was told of a variable in a scalar, which stays as written.
  std::map<std::string, std::string> unreplaced;

  TextPos place_at(size_t byte) const;

  // The place in the file of each byte of a scalar's text, and one for its end; as exact as folding and
  // escapes allow.
  std::vector<TextPos> places(const YamlNode& scalar) const;
};

// Adds what is wrong to `diagnostics`; the tree holds what could be read.
YamlDocument parse_yaml(std::string_view text, Diagnostics& diagnostics);

}  // namespace rideflow
