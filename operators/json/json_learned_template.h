// JsonLearnedTemplate: the template of one shape of records (operators/json/json_shape.h), and how it is
// found.
//
// A template (operators/json/json_template.h) knows which values are strings and how long some of them are.
// That is learned from records that matched the shape value by value: a string is taken for one of constant
// length when hardly any record had another, and a value for a string (or for none) when hardly any record
// had the other; an optional string, which is null now and then, may be both. A guess that turns out wrong
// costs time only, and is given up. One thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "operators/json/json_scan.h"
#include "operators/json/json_template.h"

namespace rideflow {

struct JsonNode;

// A literal of a shape and the value behind it; the last step has no value.
struct JsonStep {
  uint32_t literal = 0;  // offset in the shape's literals
  uint32_t size = 0;
  JsonNode* node = nullptr;  // null: the value is only checked
  int depth = 0;
};

// What a record that matched value by value had for a step's value.
struct JsonSeen {
  uint32_t size = 0;  // of a string, without its quotes
  JsonType type = JsonType::none;
};

class JsonLearnedTemplate {
 public:
  // As JsonTemplate::match(): notes the values that are read, of as many records as the template accepts.
  size_t match(std::span<const RecordText> records, size_t row, bool* ascii);
  // Of a record that match() refused. REQUIRES: one JsonSeen per value; always the same steps and literals.
  void learn(const std::string& literals, const std::vector<JsonStep>& steps,
             std::span<const JsonSeen> values);

 private:
  enum class Form : uint8_t { fixed, text, scalar, any };  // fixed: a string of the first one's length
  struct Value {
    Form form = Form::fixed;
    std::optional<uint32_t> first_size;  // of the first string
    // Of records that match() refused, since the last judgement:
    int64_t texts = 0;
    int64_t other_sizes = 0;  // of texts
    int64_t scalars = 0;
  };
  void judge(const std::string& literals, const std::vector<JsonStep>& steps);
  bool judge(Value& value) const;  // true: its form is another now
  void build(const std::string& literals, const std::vector<JsonStep>& steps);

  static constexpr int64_t kFirstJudgement = 64;  // records
  static constexpr int64_t kJudgement = 4096;
  static constexpr int64_t kFewSizes = 16;  // one record in so many may have another length
  static constexpr int64_t kFewKinds = 32;  // or be no string where others are, and the other way round

  std::vector<Value> values_;
  int64_t records_ = 0;                     // since the last judgement
  std::unique_ptr<JsonTemplate> template_;  // null: not enough was seen
};

}  // namespace rideflow
