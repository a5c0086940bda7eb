#include "engine/type.h"

#include <fmt/format.h>

namespace rideflow {

namespace {

bool is_plain_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
      return false;
  }
  return true;
}

std::string field_to_string(const Field& field) {
  const std::string name = is_plain_name(field.name) ? field.name : "`" + field.name + "`";
  return fmt::format("{} {}{}", name, field.type.to_string(), field.nullable ? "?" : "");
}

}  // namespace

Type Type::decimal(int precision, int scale) {
  RF_CHECK(precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision);
  Type type(Kind::decimal);
  type.precision = static_cast<uint8_t>(precision);
  type.scale = static_cast<uint8_t>(scale);
  return type;
}

Type Type::list(Type item, bool item_nullable) {
  Type type(Kind::list);
  std::vector<Field> children;
  children.push_back(Field{"item", std::move(item), item_nullable});
  type.children = std::make_shared<const std::vector<Field>>(std::move(children));
  return type;
}

Type Type::structure(std::vector<Field> fields) {
  Type type(Kind::structure);
  type.children = std::make_shared<const std::vector<Field>>(std::move(fields));
  return type;
}

bool Type::is_numeric() const {
  return is_integer() || kind == Kind::float64 || kind == Kind::decimal;
}

int Type::width() const {
  switch (kind) {
    case Kind::int32:
    case Kind::date:
      return 4;
    case Kind::int64:
    case Kind::float64:
    case Kind::timestamp:
    case Kind::interval:
      return 8;
    case Kind::decimal:
    case Kind::string:
    case Kind::bytes:
      return 16;
    case Kind::null:
    case Kind::boolean:
    case Kind::list:
    case Kind::structure:
      return 0;
  }
  return 0;
}

std::string Type::to_string() const {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "bool";
    case Kind::int32:
      return "int32";
    case Kind::int64:
      return "int64";
    case Kind::float64:
      return "double";
    case Kind::decimal:
      return fmt::format("decimal({},{})", precision, scale);
    case Kind::string:
      return "string";
    case Kind::bytes:
      return "bytes";
    case Kind::timestamp:
      return "timestamp";
    case Kind::date:
      return "date";
    case Kind::interval:
      return "interval";
    case Kind::list:
      return fmt::format("list({}{})", children->front().type.to_string(),
                         children->front().nullable ? "?" : "");
    case Kind::structure: {
      std::string text = "struct(";
      for (const Field& field : *children) {
        if (text.back() != '(') text += ", ";
        text += field_to_string(field);
      }
      return text + ")";
    }
  }
  return "unknown";
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Kind::decimal) return a.precision == b.precision && a.scale == b.scale;
  if (a.kind != Kind::list && a.kind != Kind::structure) return true;
  return a.children == b.children || *a.children == *b.children;
}

bool operator==(const Field& a, const Field& b) {
  return a.name == b.name && a.nullable == b.nullable && a.type == b.type;
}

std::optional<int> Schema::find(std::string_view name) const {
  for (int i = 0; i < size(); ++i) {
    if (field(i).name == name) return i;
  }
  return std::nullopt;
}

std::string Schema::to_string() const {
  std::string text;
  for (const Field& field : fields_) {
    if (!text.empty()) text += ", ";
    text += field_to_string(field);
  }
  return text;
}

SchemaRef make_schema(std::vector<Field> fields) {
  return std::make_shared<const Schema>(std::move(fields));
}

}  // namespace rideflow
