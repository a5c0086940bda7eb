// JsonShapes: reads records that look like earlier ones without parsing their structure.
//
// Events of one source look alike. A shape is the literal text between the values of one record, nesting
// included; a record of that shape has exactly those bytes between its values. So a match compares the
// literals, scans only the values, and finds the same tokens that the full parser would: every byte is either
// equal to one of a valid record at the same place in the structure, or part of a value that was checked.
// Anything else (other keys, other order, other blanks, escapes) is no match, and the caller parses the
// record in full.
//
// A match goes value by value, but most records are matched faster by a template that the shape has learned
// from such matches (operators/json_learned_template.h).
//
// Learns from records that were parsed in full: a few shapes, replaced when they no longer fit. One thread.
#pragma once

#include <string>
#include <vector>

#include "operators/json_learned_template.h"
#include "operators/json_scan.h"

namespace rideflow {

struct JsonNode;

class JsonShapes {
 public:
  // Both note the tokens below the root that they learned from, when the record has a known shape; they are
  // the full parser's to set after a refusal. REQUIRES: padded memory. By template: sets marks[row] instead
  // of the token of every node that has marks. Takes any bytes; the caller has to check what is not `ascii`.
  JsonTemplate::Match match_template(std::string_view record, size_t row);
  // Value by value. REQUIRES: valid UTF-8, of which match_template() said no.
  bool match(std::string_view record);
  // Tells that others have written to the tokens since the last match.
  void forget_tokens() { active_ = SIZE_MAX; }
  // Tells of a record that match() refused and the full parser accepted. REQUIRES: always the same root.
  void learn(std::string_view record, JsonNode& root);

  int64_t hits() const { return hits_; }
  int64_t template_hits() const { return template_hits_; }  // of them
  int64_t misses() const { return misses_; }

 private:
  struct Shape {
    std::string literals;
    std::vector<JsonStep> steps;
    std::vector<JsonNode*> objects;  // structures that are there
    std::vector<JsonNode*> absent;   // what the record does not have
    JsonLearnedTemplate learned;
    int64_t hits = 0;  // of the period
  };
  struct Learner;

  bool matches(const Shape& shape, std::string_view record);
  // The n-th to try: the one that matched last comes first.
  size_t turn(size_t n) const {
    const size_t index = last_ + n;
    return index < shapes_.size() ? index : index - shapes_.size();
  }
  void note_hit(size_t index, bool first_tried);
  void activate(size_t index);

  static constexpr size_t kShapes = 4;
  static constexpr int64_t kPeriod = 1024;  // of judging how well the shapes fit

  std::vector<Shape> shapes_;
  std::vector<JsonSeen> seen_;  // by matches(), of the record at hand
  size_t active_ = SIZE_MAX;    // the shape whose objects and absent nodes are set; SIZE_MAX: none
  size_t last_ = 0;
  int64_t hits_ = 0;
  int64_t template_hits_ = 0;
  int64_t misses_ = 0;
  int64_t period_misses_ = 0;
  int64_t period_records_ = 0;
  int64_t pause_ = 0;  // records that are not tried, because hardly any matched
};

}  // namespace rideflow
