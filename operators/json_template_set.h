// JsonTemplateSet: the templates of one shape of records (operators/json_shape.h), and how they are found.
//
// A template (operators/json_template.h) knows which values are strings and how long some of them are. That
// is learned from records that matched the shape value by value: one variant for each choice of strings and
// other values (an optional string is null now and then), and in it a string is taken for one of constant
// length when hardly any record had another length. A guess that turns out wrong costs time only, and is
// given up. One thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "operators/json_scan.h"
#include "operators/json_template.h"

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

class JsonTemplateSet {
 public:
  // Notes the values that are read, as marks of `row` or as tokens, when a template accepts the record.
  // REQUIRES: padded memory.
  JsonTemplate::Match match(std::string_view record, size_t row);
  // Of a record that match() refused. REQUIRES: one JsonSeen per value; always the same steps and literals.
  void learn(const std::string& literals, const std::vector<JsonStep>& steps,
             std::span<const JsonSeen> values);

 private:
  struct Length {
    uint32_t first = 0;   // of the first record
    uint32_t others = 0;  // records with another length, of those that match() refused
    bool text = false;
    bool fixed = false;  // in the template
  };
  struct Value {
    JsonNode* node;
    bool text;
    JsonTemplate::Place place;
  };
  struct Variant {
    std::vector<Length> lengths;
    int64_t records = 0;                       // since the last judgement
    std::unique_ptr<const JsonTemplate> form;  // null: not enough was seen
    std::vector<Value> values;                 // that are read
  };
  void judge(Variant& variant, const std::string& literals, const std::vector<JsonStep>& steps);
  bool read_values(const Variant& variant, size_t row) const;

  static constexpr size_t kVariants = 4;
  static constexpr int64_t kFirstJudgement = 64;  // records of a variant
  static constexpr int64_t kJudgement = 4096;
  static constexpr int64_t kFewOthers = 16;  // one in so many may have another length

  std::vector<Variant> variants_;
  size_t last_ = 0;
  std::vector<const char*> starts_;  // of the record's steps
};

}  // namespace rideflow
