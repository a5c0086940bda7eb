#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "rollup/query/grouping.h"
#include "rollup/query/having.h"

namespace rideflow::rollup {
namespace {

constexpr std::string_view kGroupByType = "query.groupby.GroupByQuery";

constexpr size_t kMaxOrderColumns = 100;

struct OrderColumn {
  std::string name;
  bool descending = false;
  Ordering ordering = Ordering::lexicographic;
  bool given = false;  // the client named the ordering
};

struct LimitSpec {
  std::vector<OrderColumn> columns;
  size_t limit = SIZE_MAX;
  size_t offset = 0;
};

Result<LimitSpec> parse_limit(const JsonObject& json) {
  LimitSpec out;
  const JsonObject* spec = find_object(json, "limitSpec");
  if (spec == nullptr || text(*spec, "type", "default") != "default") return out;
  if (const auto limit = integer(find(*spec, "limit")); limit && *limit > 0)
    out.limit = static_cast<size_t>(*limit);
  if (const auto offset = integer(find(*spec, "offset")); offset && *offset > 0) {
    out.offset = static_cast<size_t>(*offset);
  }
  for (const Json* item : items(find(*spec, "columns"))) {
    OrderColumn column;
    if (const JsonObject* object = item->if_object()) {
      column.name = text(*object, "dimension");
      std::string direction = text(*object, "direction", "ascending");
      for (char& c : direction) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      column.descending = direction.starts_with("desc");
      const Json* order = find(*object, "dimensionOrder");
      const JsonObject* order_object = order == nullptr ? nullptr : order->if_object();
      const auto name = order_object ? text(find(*order_object, "type")) : text(order);
      if (name) {
        const auto ordering = parse_ordering(*name);
        if (!ordering)
          return bad_query("query.groupby.orderby.OrderByColumnSpec", "Unknown ordering " + *name);
        column.ordering = *ordering;
        column.given = true;
      }
    } else {
      column.name = text(item).value_or("");
    }
    if (out.columns.size() == kMaxOrderColumns) {
      return Status::user(Code::resource_exhausted,
                          fmt::format("limitSpec has more than {} columns.", kMaxOrderColumns));
    }
    out.columns.push_back(std::move(column));
  }
  return out;
}

// One thing that rows are ordered by.
struct SortKey {
  std::vector<Micros> times;       // of each group
  std::vector<uint32_t> ids;       // of a dimension: the value of each group …
  std::vector<uint32_t> ranks;     // … and the place of each value
  std::vector<QueryValue> values;  // of an output: by group
  bool descending = false;
};

class GroupBy {
 public:
  GroupBy(Query& query, std::vector<GroupDimension> dimensions, LimitSpec limit,
          std::shared_ptr<const Having> having)
      : query_(query),
        dimensions_(std::move(dimensions)),
        limit_(std::move(limit)),
        having_(std::move(having)),
        as_array_(flag(query.context, "resultAsArray")),
        dimensions_first_(flag(query.context, "sortByDimsFirst")),
        out_(query) {
    out_.text = "[";
    for (const GroupDimension& d : dimensions_) append_key(keys_.emplace_back(), d.output);
  }

  // One grouping set: the dimensions at these indices.
  Status run(const std::vector<size_t>& set) {
    std::vector<GroupDimension> used;
    for (const size_t d : set) used.push_back(dimensions_[d]);
    Grouper grouper(query_, used);
    GroupStates states(query_);
    const OnPart on_part = [&](PartView& part) {
      grouper.bind(part);
      states.bind(part);
    };
    const OnPage on_page = [&](Page& page, const uint32_t* rows, size_t n) -> Status {
      RF_TRY(grouper.assign(page, rows, n));
      return grouper.update(page, states);
    };
    RF_TRY(scan(query_, on_part, on_page));
    RF_TRY(states.grow(grouper.size()));
    return Collected(*this, grouper, states, set).write();
  }

  std::string finish() && { return std::move(out_.text) + "]"; }

 private:
  // The groups of one set: chosen, sorted, written. Rows are made one at a time, again for each use, so that
  // an answer of many columns is never held but as its text.
  class Collected {
   public:
    Collected(GroupBy& parent, const Grouper& grouper, const GroupStates& states,
              const std::vector<size_t>& set)
        : parent_(parent),
          query_(parent.query_),
          grouper_(grouper),
          states_(states),
          set_(set),
          place_(parent.dimensions_.size(), SIZE_MAX),
          row_(parent.query_),
          held_(*parent.query_.control) {
      for (size_t i = 0; i < set.size(); ++i) place_[set[i]] = i;
    }

    Status write() {
      if (!held_.add(grouper_.size() * sizeof(uint32_t))) return query_.control->status();
      RF_TRY(prepare_keys());
      RF_TRY(choose());
      RF_TRY(sort_rows(groups_, query_, [&](uint32_t a, uint32_t b) { return before(a, b); }));
      const size_t begin = std::min(parent_.limit_.offset, groups_.size());
      const size_t n = std::min(parent_.limit_.limit, groups_.size() - begin);
      for (size_t i = begin; i < begin + n; ++i) RF_TRY(write_row(groups_[i]));
      return {};
    }

   private:
    Micros time_of(size_t group) const {
      if (query_.granularity.is_all()) return query_.intervals.empty() ? 0 : query_.intervals.front().start;
      return grouper_.buckets().start(grouper_.bucket_of(group));
    }
    const QueryValue& dimension(size_t group, size_t d) const {
      static const QueryValue kNull;
      return place_[d] == SIZE_MAX ? kNull : grouper_.value(group, place_[d]);
    }

    Status load(size_t group) {
      RF_TRY(row_.load(states_, group));
      // grouping(a, b): a bit per dimension that this set leaves out.
      for (const auto& spec : query_.aggregators) {
        if (spec->groupings() == nullptr) continue;
        int64_t bits = 0;
        for (const std::string& name : *spec->groupings()) {
          const bool there = std::any_of(set_.begin(), set_.end(),
                                         [&](size_t d) { return parent_.dimensions_[d].output == name; });
          bits = bits * 2 + (there ? 0 : 1);
        }
        row_.set(spec->name(), bits);
      }
      return {};
    }

    Datum lookup(size_t group, const std::string& name) const {
      query_.control->step();
      for (size_t d = 0; d < parent_.dimensions_.size(); ++d) {
        if (parent_.dimensions_[d].output == name) return datum_of(dimension(group, d));
      }
      const auto it = query_.output_index.find(name);
      return it == query_.output_index.end() ? Datum() : datum_of(row_.values()[it->second]);
    }

    // By time, then as asked, then by the dimensions; sortByDimsFirst has time behind all.
    Status prepare_keys() {
      if (!parent_.dimensions_first_) RF_TRY(add_time(false));
      for (const OrderColumn& column : parent_.limit_.columns) {
        const auto output = query_.output_index.find(column.name);
        const auto d = std::find_if(parent_.dimensions_.begin(), parent_.dimensions_.end(),
                                    [&](const GroupDimension& each) { return each.output == column.name; });
        if (d != parent_.dimensions_.end()) {
          RF_TRY(add_dimension(static_cast<size_t>(d - parent_.dimensions_.begin()), column.ordering,
                               column.descending));
        } else if (output != query_.output_index.end()) {
          RF_TRY(
              add_output(column.name, column.given ? column.ordering : Ordering::numeric, column.descending));
        } else {
          RF_TRY(add_time(column.descending));
        }
      }
      for (size_t d = 0; d < parent_.dimensions_.size(); ++d) {
        const bool is_text = parent_.dimensions_[d].type == OutputType::text;
        RF_TRY(add_dimension(d, is_text ? Ordering::lexicographic : Ordering::numeric, false));
      }
      return parent_.dimensions_first_ ? add_time(false) : Status();
    }

    Status add_time(bool descending) {
      if (query_.granularity.is_all()) return {};
      if (!held_.add(grouper_.size() * sizeof(Micros))) return query_.control->status();
      SortKey key;
      key.descending = descending;
      for (size_t g = 0; g < grouper_.size(); ++g) key.times.push_back(time_of(g));
      keys_.push_back(std::move(key));
      return query_.control->step(1 + grouper_.size() / 64) ? Status() : query_.control->status();
    }

    Status add_dimension(size_t d, Ordering ordering, bool descending) {
      if (place_[d] == SIZE_MAX) return {};
      const auto& values = grouper_.values(place_[d]);
      if (!held_.add((grouper_.size() + values.size()) * sizeof(uint32_t))) return query_.control->status();
      SortKey key;
      key.descending = descending;
      RF_ASSIGN(key.ranks, rank_values(query_, values, ordering));
      key.ids.resize(grouper_.size());
      for (size_t g = 0; g < key.ids.size(); ++g) {
        key.ids[g] = grouper_.value_id(g, place_[d]);
        if (!query_.control->step()) return query_.control->status();
      }
      keys_.push_back(std::move(key));
      return {};
    }

    Status add_output(const std::string& name, Ordering ordering, bool descending) {
      if (!held_.add(grouper_.size() * sizeof(QueryValue))) return query_.control->status();
      SortKey key;
      key.descending = descending;
      key.values.resize(grouper_.size());
      key_of_output_.emplace_back(name, keys_.size());
      orderings_.resize(keys_.size() + 1, Ordering::numeric);
      orderings_.back() = ordering;
      keys_.push_back(std::move(key));
      return {};
    }

    // The groups that having keeps; with what they are ordered by.
    Status choose() {
      const bool rows = having_needs_rows() || !key_of_output_.empty();
      for (size_t g = 0; g < grouper_.size(); ++g) {
        if (!query_.control->step()) return query_.control->status();
        if (rows) RF_TRY(load(g));
        if (parent_.having_ != nullptr &&
            !parent_.having_->keeps([&](const std::string& n) { return lookup(g, n); })) {
          continue;
        }
        for (const auto& key : key_of_output_) {
          QueryValue& v = keys_[key.second].values[g];
          v = row_.finalized(key.first);
          const auto* text = std::get_if<std::string>(&v);
          if (text != nullptr && !held_.add(text->capacity())) return query_.control->status();
        }
        groups_.push_back(static_cast<uint32_t>(g));
      }
      return {};
    }
    bool having_needs_rows() const { return parent_.having_ != nullptr && !query_.outputs.empty(); }

    bool before(uint32_t a, uint32_t b) const {
      for (size_t k = 0; k < keys_.size(); ++k) {
        const SortKey& key = keys_[k];
        const int c = order(key, k, a, b);
        if (c != 0) return key.descending ? c > 0 : c < 0;
      }
      return false;
    }
    int order(const SortKey& key, size_t k, uint32_t a, uint32_t b) const {
      const auto three_way = [](auto x, auto y) { return x < y ? -1 : (x > y ? 1 : 0); };
      if (!key.times.empty()) return three_way(key.times[a], key.times[b]);
      if (!key.ids.empty()) return three_way(key.ranks[key.ids[a]], key.ranks[key.ids[b]]);
      return compare(datum_of(key.values[a]), datum_of(key.values[b]), orderings_[k]);
    }

    Status write_row(size_t group) {
      RF_TRY(load(group));
      std::string& out = parent_.out_.text;
      if (out.size() > 1) out += ',';
      parent_.as_array_ ? append_array(out, group) : append_object(out, group);
      return parent_.out_.check(1 + (parent_.dimensions_.size() + query_.outputs.size()) / 4);
    }

    void append_object(std::string& out, size_t group) const {
      out +=
          R"({"version":"v1","timestamp":")" + query_.granularity.format(time_of(group)) + R"(","event":{)";
      for (size_t d = 0; d < parent_.dimensions_.size(); ++d) {
        if (d > 0) out += ',';
        out += parent_.keys_[d];
        append_json(out, dimension(group, d));
      }
      row_.append(out, !parent_.dimensions_.empty());
      out += "}}";
    }

    void append_array(std::string& out, size_t group) const {
      out += '[';
      bool comma = false;
      const auto next = [&] {
        if (comma) out += ',';
        comma = true;
      };
      if (!query_.granularity.is_all()) {
        next();
        out += fmt::to_string(to_millis(time_of(group)));
      }
      for (size_t d = 0; d < parent_.dimensions_.size(); ++d) {
        next();
        append_json(out, dimension(group, d));
      }
      for (const QueryValue& v : row_.values()) {
        next();
        append_json(out, v);
      }
      out += ']';
    }

    GroupBy& parent_;
    const Query& query_;
    const Grouper& grouper_;
    const GroupStates& states_;
    const std::vector<size_t>& set_;
    std::vector<size_t> place_;  // of each dimension of the query in the set
    OutputRow row_;
    HeldBytes held_;
    std::vector<SortKey> keys_;
    std::vector<Ordering> orderings_;  // by key; of outputs
    std::vector<std::pair<std::string, size_t>> key_of_output_;
    std::vector<uint32_t> groups_;
  };

  Query& query_;
  std::vector<GroupDimension> dimensions_;
  LimitSpec limit_;
  std::shared_ptr<const Having> having_;
  bool as_array_;
  bool dimensions_first_;
  std::vector<std::string> keys_;
  AnswerText out_;
};

Status check_names(const Query& query, const std::vector<GroupDimension>& dimensions,
                   const LimitSpec& limit) {
  std::set<std::string> names;
  for (const GroupDimension& d : dimensions) {
    if (!names.insert(d.output).second || query.has_output(d.output)) {
      return bad_query(kGroupByType, fmt::format("[{}] already defined", d.output));
    }
  }
  for (const OrderColumn& column : limit.columns) {
    if (names.count(column.name) > 0 || query.has_output(column.name) || column.name == "__time") continue;
    return bad_query(kGroupByType,
                     fmt::format("Unknown column in order clause[OrderByColumnSpec{{dimension='{}', "
                                 "direction='{}', dimensionComparator='lexicographic'}}]",
                                 column.name, column.descending ? "descending" : "ascending"));
  }
  return {};
}

Result<std::vector<std::vector<size_t>>> parse_subtotals(const JsonObject& json,
                                                         const std::vector<GroupDimension>& dimensions) {
  std::vector<std::vector<size_t>> sets;
  for (const Json* item : items(find(json, "subtotalsSpec"))) {
    std::vector<size_t>& set = sets.emplace_back();
    for (const Json* name : items(item)) {
      const std::string wanted = text(name).value_or("");
      const auto it = std::find_if(dimensions.begin(), dimensions.end(),
                                   [&](const GroupDimension& d) { return d.output == wanted; });
      if (it == dimensions.end()) {
        return bad_query(kGroupByType,
                         fmt::format("Subtotal spec [{}] is not a subset of the dimensions", wanted));
      }
      set.push_back(static_cast<size_t>(it - dimensions.begin()));
    }
    if (sets.size() > 64) return Status::user(Code::resource_exhausted, "The query has too many subtotals.");
  }
  if (!sets.empty()) return sets;
  sets.emplace_back();
  for (size_t d = 0; d < dimensions.size(); ++d) sets.front().push_back(d);
  return sets;
}

}  // namespace

Result<std::string> run_group_by(const JsonObject& json, Query& query) {
  RF_TRY(parse_query(json, true, query));
  std::vector<GroupDimension> dimensions;
  for (const Json* item : items(find(json, "dimensions"))) {
    RF_ASSIGN(GroupDimension d, GroupDimension::parse(*item, *query.columns));
    dimensions.push_back(std::move(d));
  }
  if (dimensions.size() > 100)
    return Status::user(Code::resource_exhausted, "The query has too many dimensions.");
  RF_ASSIGN(LimitSpec limit, parse_limit(json));
  RF_TRY(check_names(query, dimensions, limit));
  std::shared_ptr<const Having> having;
  if (const Json* spec = find(json, "having")) {
    RF_ASSIGN(having, Having::parse(*spec, *query.columns));
  }
  RF_ASSIGN(const auto sets, parse_subtotals(json, dimensions));
  GroupBy group_by(query, std::move(dimensions), std::move(limit), std::move(having));
  for (const auto& set : sets) RF_TRY(group_by.run(set));
  return std::move(group_by).finish();
}

}  // namespace rideflow::rollup
