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
// from such matches (operators/json/json_learned_template.h).
//
// Learns from records that were parsed in full: a few shapes, replaced when they no longer fit. One thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "operators/json/json_learned_template.h"
#include "operators/json/json_scan.h"

namespace rideflow {

struct JsonNode;

class JsonShapes {
 public:
  // Matches one record after the other by templates, until none fits: how many did. The values that are read
  // are in the nodes' marks[row] and following; ascii as in JsonTemplate::match(). Takes any bytes: the
  // caller has to check the text of records that are not ascii. REQUIRES: padded memory.
  size_t match_templates(std::span<const RecordText> records, size_t row, bool* ascii);
  // Value by value, into the nodes' tokens; after a refusal they are undefined. REQUIRES: padded memory,
  // valid UTF-8, a record that match_templates() did not accept.
  bool match(std::string_view record);
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
  // The n-th to try: the one with most hits comes first.
  size_t turn(size_t n) const {
    const size_t index = first_ + n;
    return index < shapes_.size() ? index : index - shapes_.size();
  }
  size_t match_one_shape(std::span<const RecordText> records, size_t row, bool* ascii, size_t& refused);
  void note_hits(size_t index, size_t count);

  static constexpr size_t kShapes = 4;
  static constexpr int64_t kPeriod = 1024;  // of judging how well the shapes fit

  std::vector<Shape> shapes_;
  std::vector<JsonSeen> seen_;  // by matches(), of the record at hand
  size_t first_ = 0;
  int64_t hits_ = 0;
  int64_t template_hits_ = 0;
  int64_t misses_ = 0;
  int64_t period_misses_ = 0;
  int64_t period_records_ = 0;
  int64_t pause_ = 0;  // records that are not tried, because hardly any matched
};

}  // namespace rideflow
