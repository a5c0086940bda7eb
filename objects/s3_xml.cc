#include "objects/s3_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rideflow {
namespace {

constexpr size_t kDeepest = 16;
constexpr size_t kMostNodes = 200'000;

void append_utf8(std::string& out, uint32_t code) {
  const auto byte = [&](uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | code >> 6);
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3F));
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

// "#38" and "#x26"; false: no such character.
bool append_numbered(std::string& out, std::string_view digits) {
  const bool hex = digits.starts_with('x');
  if (hex) digits.remove_prefix(1);
  uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  append_utf8(out, code);
  return true;
}

bool append_entity(std::string& out, std::string_view name) {
  static constexpr std::pair<std::string_view, char> kNames[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  if (name.starts_with('#')) return append_numbered(out, name.substr(1));
  for (const auto& [known, c] : kNames) {
    if (name == known) {
      out += c;
      return true;
    }
  }
  return false;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<XmlNode> root() {
    RF_TRY(skip_between());
    XmlNode node;
    RF_TRY(element(node, 0));
    RF_TRY(skip_between());
    if (!rest_.empty()) return broken("something follows the end");
    return node;
  }

 private:
  static Status broken(std::string_view why) {
    return Status::external(Code::data_loss, fmt::format("The server's XML can't be read: {}.", why),
                            Retry::backoff);
  }

  // Up to and with `mark`; an error where it never comes.
  Status take_through(std::string_view mark, std::string_view* taken = nullptr) {
    const size_t end = rest_.find(mark);
    if (end == std::string_view::npos) return broken("it is cut off");
    if (taken) *taken = rest_.substr(0, end);
    rest_.remove_prefix(end + mark.size());
    return {};
  }

  // Blanks, comments and instructions outside of the root.
  Status skip_between() {
    while (true) {
      const size_t blanks = std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size());
      rest_.remove_prefix(blanks);
      if (rest_.starts_with("\xEF\xBB\xBF")) {
        rest_.remove_prefix(3);
      } else if (rest_.starts_with("<?")) {
        RF_TRY(take_through("?>"));
      } else if (rest_.starts_with("<!--")) {
        RF_TRY(take_through("-->"));
      } else {
        return {};
      }
    }
  }

  // From "<" on. An attribute's value may hold a '>', in S3's answers none does.
  Status element(XmlNode& node, size_t depth) {
    if (depth >= kDeepest) return broken("it is nested too deeply");
    if (++nodes_ > kMostNodes) return broken("it has too many elements");
    if (rest_.empty()) return broken("it is cut off");
    if (!rest_.starts_with('<') || rest_.starts_with("<!")) return broken("there is no element");
    rest_.remove_prefix(1);
    std::string_view tag;
    RF_TRY(take_through(">", &tag));
    const bool closed = tag.ends_with('/');
    tag = tag.substr(0, std::min(tag.find_first_of(" \t\r\n/"), tag.size()));
    if (tag.empty()) return broken("an element has no name");
    node.name = tag.substr(tag.find(':') + 1);
    return closed ? Status() : content(node, tag, depth);
  }

  Status content(XmlNode& node, std::string_view tag, size_t depth) {
    while (true) {
      RF_TRY(text(node.text));
      if (rest_.starts_with("</")) {
        std::string_view end;
        rest_.remove_prefix(2);
        RF_TRY(take_through(">", &end));
        end = end.substr(0, std::min(end.find_first_of(" \t\r\n"), end.size()));
        return end == tag ? Status() : broken("an end belongs to no start");
      }
      if (rest_.starts_with("<!--")) {
        RF_TRY(take_through("-->"));
      } else if (rest_.starts_with("<![CDATA[")) {
        std::string_view raw;
        rest_.remove_prefix(9);
        RF_TRY(take_through("]]>", &raw));
        node.text += raw;
      } else {
        RF_TRY(element(node.children.emplace_back(), depth + 1));
      }
    }
  }

  // Up to the next '<'.
  Status text(std::string& out) {
    const size_t end = rest_.find('<');
    if (end == std::string_view::npos) return broken("it is cut off");
    std::string_view raw = rest_.substr(0, end);
    rest_.remove_prefix(end);
    while (true) {
      const size_t mark = raw.find('&');
      out += raw.substr(0, mark);
      if (mark == std::string_view::npos) return {};
      raw.remove_prefix(mark + 1);
      const size_t semicolon = raw.find(';');
      if (semicolon == std::string_view::npos || !append_entity(out, raw.substr(0, semicolon)))
        return broken("it has an unknown entity");
      raw.remove_prefix(semicolon + 1);
    }
  }

  std::string_view rest_;
  size_t nodes_ = 0;
};

}  // namespace

const XmlNode* XmlNode::child(std::string_view wanted) const {
  const auto found = std::find_if(children.begin(), children.end(),
                                  [&](const XmlNode& node) { return node.name == wanted; });
  return found == children.end() ? nullptr : &*found;
}

std::string_view XmlNode::value(std::string_view wanted) const {
  const XmlNode* node = child(wanted);
  return node ? std::string_view(node->text) : std::string_view();
}

Result<XmlNode> parse_xml(std::string_view text) {
  return Parser(text).root();
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace rideflow
