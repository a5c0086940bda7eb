// Grouping rows by the values of dimensions, for topN and groupBy.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "rollup/query/extraction.h"
#include "rollup/query/query.h"

namespace rideflow::rollup {

enum class OutputType : uint8_t { text, integer, number };

// A DimensionSpec: which column, what is made of its values, and its name in the answer.
struct GroupDimension {
  ColumnRef column;
  std::string output;
  OutputType type = OutputType::text;
  std::shared_ptr<const Extraction> extraction;
  std::function<bool(const Datum&)> keep;  // values of a multi-value row that count; null: all
  size_t cost = 1;                         // of a value, as QueryControl::step() counts
  static Result<GroupDimension> parse(const Json& json, const QueryColumns& columns);
  QueryValue output_of(const Datum& d) const;
};

// Numbers of pairs, in order of first appearance.
class PairIndex {
 public:
  PairIndex() : slots_(1024) {}
  // For pairs (0 … a - 1, 0 … b - 1) that are about to come: where they are not too many, a table of their
  // own answers what was found before.
  void expect(size_t a, size_t b);
  uint32_t find_or_add(uint32_t a, uint32_t b) {
    const size_t at = size_t{a} * stride_ + b;
    if (b >= stride_ || at >= near_.size()) return find(a, b);
    if (near_[at] == 0) near_[at] = find(a, b) + 1;
    return near_[at] - 1;
  }
  // a_to_number[i] becomes the number of (a_to_number[i], b_of(i)).
  template <class B>
  void find_or_add(std::vector<uint32_t>& a_to_number, B b_of) {
    // find() may change any member, so that they would be read anew for each pair.
    const uint32_t* const near = near_.data();
    const size_t end = near_.size();
    const size_t stride = stride_;
    uint32_t* const numbers = a_to_number.data();
    for (size_t i = 0; i < a_to_number.size(); ++i) {
      const uint32_t b = b_of(i);
      const size_t at = size_t{numbers[i]} * stride + b;
      const uint32_t known = b < stride && at < end ? near[at] : 0;
      numbers[i] = known != 0 ? known - 1 : find_or_add(numbers[i], b);
    }
  }
  size_t size() const { return pairs_.size(); }
  std::pair<uint32_t, uint32_t> at(size_t i) const { return pairs_[i]; }
  size_t bytes() const {
    return pairs_.capacity() * sizeof(pairs_[0]) + (slots_.capacity() + near_.capacity()) * sizeof(uint32_t);
  }

 private:
  uint32_t find(uint32_t a, uint32_t b);
  void grow();
  std::vector<std::pair<uint32_t, uint32_t>> pairs_;
  std::vector<uint32_t> slots_;  // number + 1
  // Number + 1 of (a, b) at a * stride_ + b; 0: not looked for yet.
  std::vector<uint32_t> near_;
  size_t stride_ = 0;
};

// Gives every (bucket, values of the dimensions) a group number. A row with several values of a dimension is
// in several groups.
class Grouper {
 public:
  Grouper(const Query& query, std::vector<GroupDimension> dimensions);
  void bind(PartView& part);
  Status assign(Page& page, const uint32_t* rows, size_t n);
  // Adds what assign() just found to accumulators.
  Status update(Page& page, GroupStates& states) const;
  size_t size() const { return levels_.empty() ? buckets_.size() : levels_.back().size(); }
  const Buckets& buckets() const { return buckets_; }
  const std::vector<GroupDimension>& dimensions() const { return dimensions_; }
  size_t bucket_of(size_t group) const;
  const QueryValue& value(size_t group, size_t dimension) const {
    return values_[dimension].values[value_id(group, dimension)];
  }
  // Values by number: equal ones have one.
  uint32_t value_id(size_t group, size_t dimension) const;
  const std::vector<QueryValue>& values(size_t dimension) const { return values_[dimension].values; }

 private:
  struct Level {
    std::unordered_map<std::string, uint32_t> ids;
    std::vector<QueryValue> values;
    // Of the bound part: the ids of code c are ids_of[begin[c]] … ids_of[begin[c + 1] - 1].
    std::vector<uint32_t> begin;
    std::vector<uint32_t> ids_of;
  };
  uint32_t intern(Level& level, QueryValue v);
  Status assign_level(Page& page, size_t d);

  const Query& query_;
  std::vector<GroupDimension> dimensions_;
  Buckets buckets_;
  std::vector<Level> values_;
  std::vector<PairIndex> levels_;
  HeldBytes held_values_;
  HeldBytes held_codes_;
  HeldBytes held_groups_;
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> groups_;
  std::vector<uint32_t> next_rows_;
  std::vector<uint32_t> next_groups_;
};

// The place of each value in an order; equal ones share it.
Result<std::vector<uint32_t>> rank_values(const Query& query, const std::vector<QueryValue>& values,
                                          Ordering ordering);

}  // namespace rideflow::rollup
