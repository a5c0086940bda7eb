// What S3 answers in XML, read with suspicion: bounded in depth and in nodes, no document types, no entities
// but XML's own five and character numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/status.h"

namespace rideflow {

struct XmlNode {
  std::string name;  // without a namespace's prefix
  std::string text;  // of this node alone, as it stands between the tags
  std::vector<XmlNode> children;

  const XmlNode* child(std::string_view name) const;
  // The text of a child; "" when there is none.
  std::string_view value(std::string_view name) const;
};

// The root element. data_loss with retry where the text is cut off or no XML: asking again may give all of
// it.
Result<XmlNode> parse_xml(std::string_view text);

// For text between tags.
std::string xml_escaped(std::string_view text);

}  // namespace rideflow
