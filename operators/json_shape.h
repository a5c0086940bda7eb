// JsonShapes: reads records that look like earlier ones without parsing their structure.
//
// Events of one source look alike. A shape is the literal text between the values of one record, nesting
// included; a record of that shape has exactly those bytes between its values. So a match compares the
// literals, scans only the values, and finds the same tokens that the full parser would: every byte is either
// equal to one of a valid record at the same place in the structure, or part of a value that was checked.
// Anything else (other keys, other order, other blanks, escapes) is no match, and the caller parses the
// record in full.
//
// Learns from records that were parsed in full: a few shapes, replaced when they no longer fit. One thread.
#pragma once

#include <string>
#include <vector>

#include "operators/json_scan.h"

namespace rideflow {

struct JsonNode;

class JsonShapes {
 public:
  // Notes the tokens below the root that it learned from, when the record has a known shape; they are the
  // full parser's to set after a refusal. REQUIRES: valid UTF-8 in padded memory.
  bool match(std::string_view record);
  // Tells of a record that match() refused and the full parser accepted. REQUIRES: always the same root.
  void learn(std::string_view record, JsonNode& root);

  int64_t hits() const { return hits_; }
  int64_t misses() const { return misses_; }

 private:
  struct Step {
    uint32_t literal = 0;  // offset in literals_
    uint32_t size = 0;
    JsonNode* node = nullptr;  // null: the value is only checked
    int depth = 0;
  };
  struct Shape {
    std::string literals;
    std::vector<Step> steps;         // a literal and the value behind it; the last has no value
    std::vector<JsonNode*> objects;  // structures that are there
    std::vector<JsonNode*> absent;   // what the record does not have
    int64_t hits = 0;
  };
  struct Learner;

  static bool matches(const Shape& shape, std::string_view record);
  void activate(size_t index);

  static constexpr size_t kShapes = 4;
  static constexpr int64_t kPeriod = 1024;  // of judging how well the shapes fit

  std::vector<Shape> shapes_;
  size_t active_ = SIZE_MAX;  // the shape whose objects and absent nodes are set; SIZE_MAX: none
  size_t last_ = 0;
  int64_t hits_ = 0;
  int64_t misses_ = 0;
  int64_t period_misses_ = 0;
  int64_t period_records_ = 0;
  int64_t pause_ = 0;  // records that are not tried, because hardly any matched
};

}  // namespace rideflow
