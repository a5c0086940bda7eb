#include "dsl/yaml_document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "dsl/yaml_hints.h"

namespace rideflow {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Length of a well-formed UTF-8 sequence at `at`, or 0.
size_t utf8_length(std::string_view s, size_t at) {
  const auto byte = [&](size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xC0U) != 0x80) return 0;
  const unsigned second = byte(at + 1);
  const bool bad = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                   (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
  return bad ? 0 : length;
}

// Ends the parse from inside yaml-cpp; never leaves parse_yaml().
struct Stop {};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(YamlDocument& document, Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2)
      fail(mark, "a second document begins here: a file holds one job (remove the '---')");
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override { refuse_anchor(mark, name); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    (void)anchor;
    fail(mark, "aliases (*name) are not allowed in job files: write the value out, or quote it");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    check(mark, "", anchor);
    node.pos = place(mark);
    node.text = null_word(static_cast<size_t>(std::max(mark.pos, 0)));
    add(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.quoted = tag == "!";
    node.pos = place(mark);
    node.text = value;
    node.raw_offset = static_cast<size_t>(std::max(mark.pos, 0));
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    begin(mark, tag, anchor, YamlNode::Kind::list, style);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    begin(mark, tag, anchor, YamlNode::Kind::map, style);
  }
  void OnMapEnd() override { end(); }

  YamlNode take_root() { return std::move(root_); }
  // Whether the pieces of an expression that a comma cut were being dropped: what the parser finds wrong with
  // one of them is no second error.
  bool is_inside_cut() const {
    return std::any_of(frames_.begin(), frames_.end(),
                       [](const Frame& frame) { return frame.open > 0 || frame.drop_value; });
  }

 private:
  struct Frame {
    YamlNode node;
    bool has_key = false;
    // While the pieces of an expression that a comma cut are dropped: its open parentheses, what the next
    // piece is, and whether the value of the last key is still to come.
    int open = 0;
    bool next_is_key = false;
    bool drop_value = false;
    std::string key;
    TextPos key_pos;
    std::unordered_map<std::string, TextPos> keys;
  };

  // "null" as the file spells it there; "" where nothing is written.
  std::string null_word(size_t at) const {
    const std::string_view rest =
        std::string_view(document_.text).substr(std::min(at, document_.text.size()));
    for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
      const bool ends = rest.size() == word.size() ||
                        (rest.size() > word.size() &&
                         std::string_view(" \t\r\n,:}]").find(rest[word.size()]) != std::string_view::npos);
      if (rest.starts_with(word) && ends) return std::string(word);
    }
    return "";
  }
  TextPos place(const YAML::Mark& mark) const {
    return document_.place_at(static_cast<size_t>(std::max(mark.pos, 0)));
  }
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& message) {
    diagnostics_.error(place(mark), path(), message);
    throw Stop();
  }
  [[noreturn]] void refuse_anchor(const YAML::Mark& mark, const std::string& name) {
    fail(mark,
         fmt::format("anchors (&{}) are not allowed in job files: write the value out, or quote it", name));
  }
  std::string path() const {
    std::string out;
    for (const Frame& frame : frames_)
      if (frame.has_key) out = dotted(out, frame.key);
    return out;
  }
  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) refuse_anchor(mark, "name");
    const size_t at = static_cast<size_t>(std::max(mark.pos, 0));
    const bool explicit_tag = at < document_.text.size() && document_.text[at] == '!';
    if (explicit_tag || (!tag.empty() && tag != "?" && tag != "!"))
      fail(mark, "tags (!name) are not allowed in job files: quote a value that begins with '!'");
  }

  void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind,
             YAML::EmitterStyle::value style) {
    check(mark, tag, anchor);
    if (static_cast<int>(frames_.size()) >= kMaxYamlDepth)
      fail(mark, fmt::format("nested deeper than {} levels", kMaxYamlDepth));
    Frame frame;
    frame.node.kind = kind;
    frame.node.pos = place(mark);
    frame.node.flow = style == YAML::EmitterStyle::Flow;
    frames_.push_back(std::move(frame));
  }
  void end() {
    YamlNode node = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(node));
  }
  void add(YamlNode node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (is_cut(frame, node)) return;
    if (frame.node.kind == YamlNode::Kind::list) {
      frame.node.items.push_back(std::move(node));
    } else if (frame.has_key) {
      frame.has_key = false;
      frame.node.entries.push_back({std::move(frame.key), frame.key_pos, std::move(node)});
    } else {
      take_key(frame, std::move(node));
    }
  }
  void take_key(Frame& frame, YamlNode node) {
    if (!node.is_scalar() && (!node.is_null() || node.text.empty())) {
      diagnostics_.error(node.pos, path(), "a key must be a plain word");
      throw Stop();
    }
    const auto [first, is_new] = frame.keys.emplace(node.text, node.pos);
    if (!is_new)
      diagnostics_.error(node.pos, dotted(path(), node.text),
                         fmt::format("duplicate key '{}': it is at {}:{} already", node.text,
                                     first->second.line, first->second.column));
    frame.key = std::move(node.text);
    frame.key_pos = node.pos;
    frame.has_key = true;
  }
  // In [a, f(x, y)] and {q: f(x, y)} YAML cuts the expression at its comma. Told once; the pieces up to the
  // closing parenthesis are dropped.
  bool is_cut(Frame& frame, const YamlNode& node) {
    if (!frame.node.flow) return false;
    const bool is_key =
        frame.node.kind == YamlNode::Kind::map && (frame.open > 0 ? frame.next_is_key : !frame.has_key);
    const int balance = node.is_scalar() && !node.quoted ? parenthesis_balance(node.text) : 0;
    if (frame.open == 0 && !frame.drop_value) {
      if (balance <= 0) return false;
      diagnostics_.error(
          node.pos, path(),
          fmt::format("the comma ends the value '{}' here: quote this expression, or use block "
                      "style",
                      node.text));
      frame.has_key = false;
    }
    if (frame.drop_value) {
      frame.drop_value = false;
    } else {
      frame.open = std::max(0, frame.open + balance);
      frame.drop_value = frame.open == 0 && is_key;
    }
    frame.next_is_key = !is_key;
    return true;
  }

  YamlDocument& document_;
  Diagnostics& diagnostics_;
  std::vector<Frame> frames_;
  YamlNode root_;
  int documents_ = 0;
};

bool check_text(std::string_view text, const YamlDocument& document, Diagnostics& diagnostics) {
  if (text.size() > kMaxYamlBytes) {
    diagnostics.error({}, "",
                      fmt::format("the file has {} bytes, at most {} are read", text.size(), kMaxYamlBytes));
    return false;
  }
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    const bool control = length == 1 && static_cast<unsigned char>(text[at]) < 0x20 && !is_blank(text[at]);
    if (length == 0 || control) {
      diagnostics.error(document.place_at(at), "", "the file is not UTF-8 text here");
      return false;
    }
    at += length;
  }
  return true;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const YamlEntry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::string_view YamlNode::kind_name() const {
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::scalar:
      return "a value";
    case Kind::list:
      return items.empty() ? "an empty list" : "a list";
    case Kind::map:
      return entries.empty() ? "an empty map" : "a map";
  }
  return "";
}

TextPos YamlDocument::place_at(size_t byte) const {
  byte = std::min(byte, text.size());
  const auto after = std::upper_bound(line_starts.begin(), line_starts.end(), byte);
  const size_t begin = after == line_starts.begin() ? 0 : *(after - 1);
  const auto characters =
      std::count_if(text.begin() + static_cast<ptrdiff_t>(begin), text.begin() + static_cast<ptrdiff_t>(byte),
                    [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; });
  return {static_cast<int>(after - line_starts.begin()), static_cast<int>(characters) + 1};
}

std::vector<TextPos> YamlDocument::places(const YamlNode& scalar) const {
  const std::string& value = scalar.written_at.empty() ? scalar.text : scalar.written;
  size_t at = scalar.raw_offset;
  const char style = at < text.size() ? text[at] : '\0';
  const bool in_quotes = scalar.quoted && (style == '\'' || style == '"');
  if (in_quotes) ++at;
  if (scalar.quoted && (style == '|' || style == '>')) at = std::min(text.find('\n', at), text.size());
  std::vector<size_t> bytes;
  bytes.reserve(value.size() + 1);
  for (size_t i = 0; i < value.size(); ++i) {
    const auto here = [&] { return at < text.size() ? text[at] : '\0'; };
    if (here() != value[i] && is_blank(here()))
      while (is_blank(here()) && here() != value[i]) ++at;
    bytes.push_back(at);
    if (in_quotes && style == '"' && here() == '\\') {
      const char kind = at + 1 < text.size() ? text[at + 1] : '\0';
      const size_t length = kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;
      while (i + 1 < value.size() && (static_cast<unsigned char>(value[i + 1]) & 0xC0U) == 0x80) {
        bytes.push_back(at);
        ++i;
      }
      at += length;
    } else if (here() == value[i]) {
      at += in_quotes && style == '\'' && here() == '\'' ? 2 : 1;
    }
  }
  bytes.push_back(at);

  std::vector<TextPos> out;
  out.reserve(scalar.text.size() + 1);
  size_t last_byte = 0;
  TextPos last = place_at(0);
  const auto push = [&](size_t byte) {
    // Mostly the next character of the same line: one step instead of a search.
    const bool step = byte == last_byte + 1 && last_byte < text.size() && text[last_byte] != '\n';
    last = step ? TextPos{last.line,
                          last.column +
                              ((static_cast<unsigned char>(text[byte < text.size() ? byte : last_byte]) &
                                0xC0U) != 0x80
                                   ? 1
                                   : 0)}
                : place_at(byte);
    last_byte = byte;
    out.push_back(last);
  };
  if (scalar.written_at.empty()) {
    for (const size_t byte : bytes) push(byte);
  } else {
    for (const uint32_t i : scalar.written_at) push(bytes[std::min<size_t>(i, bytes.size() - 1)]);
    push(bytes.back());
  }
  return out;
}

YamlDocument parse_yaml(std::string_view text, Diagnostics& diagnostics) {
  YamlDocument document;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  document.line_starts.push_back(0);
  if (text.size() <= kMaxYamlBytes) {
    document.text = std::string(text);
    for (size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') document.line_starts.push_back(i + 1);
  }
  if (!check_text(text, document, diagnostics)) return document;
  TreeBuilder builder(document, diagnostics);
  try {
    std::istringstream in(document.text);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return document;
  } catch (const YAML::Exception& error) {
    if (builder.is_inside_cut()) return document;
    const TextPos pos = document.place_at(static_cast<size_t>(std::max(error.mark.pos, 0)));
    YamlHint hint = explain_syntax_error(document.text, pos, error.msg);
    diagnostics.error(hint.pos, "", std::move(hint.message));
    return document;
  }
  document.root = builder.take_root();
  return document;
}

}  // namespace rideflow
