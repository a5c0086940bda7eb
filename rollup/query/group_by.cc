#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "rollup/query/grouping.h"
#include "rollup/query/having.h"

namespace rideflow::rollup {
namespace {

constexpr std::string_view kGroupByType = "query.groupby.GroupByQuery";

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
    out.columns.push_back(std::move(column));
  }
  return out;
}

struct GroupRow {
  Micros time = 0;
  std::vector<QueryValue> dimensions;  // of the query; those that a subtotal leaves out are null
  OutputRow values;
};

class GroupBy {
 public:
  GroupBy(Query& query, std::vector<GroupDimension> dimensions, LimitSpec limit,
          std::shared_ptr<const Having> having)
      : query_(query),
        dimensions_(std::move(dimensions)),
        limit_(std::move(limit)),
        having_(std::move(having)),
        as_array_(flag(query.context, "resultAsArray")) {}

  // One grouping set: the dimensions at these indices.
  Status run(const std::vector<size_t>& set) {
    std::vector<GroupDimension> used;
    for (const size_t d : set) used.push_back(dimensions_[d]);
    Grouper grouper(query_, used);
    auto aggregators = make_aggregators(query_.aggregators);
    const OnPart on_part = [&](PartView& part) {
      grouper.bind(part);
      for (auto& aggregator : aggregators) aggregator->bind(part);
    };
    const OnPage on_page = [&](Page& page, const uint32_t* rows, size_t n) -> Status {
      RF_TRY(grouper.assign(page, rows, n));
      return grouper.update(page, aggregators);
    };
    RF_TRY(scan(query_, on_part, on_page));
    for (auto& aggregator : aggregators) aggregator->resize(grouper.size());
    return collect(grouper, aggregators, set);
  }

  std::string finish() && { return std::move(out_) + "]"; }

 private:
  Micros time_of(const Grouper& grouper, size_t group) const {
    if (query_.granularity.is_all()) return query_.intervals.empty() ? 0 : query_.intervals.front().start;
    Buckets& buckets = const_cast<Grouper&>(grouper).buckets();
    return buckets.start(grouper.bucket_of(group));
  }

  Status collect(Grouper& grouper, const std::vector<std::unique_ptr<Aggregator>>& aggregators,
                 const std::vector<size_t>& set) {
    std::vector<GroupRow> rows;
    for (size_t g = 0; g < grouper.size(); ++g) {
      GroupRow row;
      row.time = time_of(grouper, g);
      row.dimensions.resize(dimensions_.size());
      for (size_t i = 0; i < set.size(); ++i) row.dimensions[set[i]] = grouper.value(g, i);
      RF_ASSIGN(row.values, OutputRow::make(query_, aggregators, g));
      set_groupings(row.values, set);
      if (having_ == nullptr || having_->keeps([&](const std::string& n) { return lookup(row, n); })) {
        rows.push_back(std::move(row));
      }
    }
    sort(rows);
    return write(rows);
  }

  // grouping(a, b): a bit per dimension that this set leaves out.
  void set_groupings(OutputRow& row, const std::vector<size_t>& set) const {
    for (const auto& spec : query_.aggregators) {
      if (spec->groupings() == nullptr) continue;
      int64_t bits = 0;
      for (const std::string& name : *spec->groupings()) {
        const bool there =
            std::any_of(set.begin(), set.end(), [&](size_t d) { return dimensions_[d].output == name; });
        bits = bits * 2 + (there ? 0 : 1);
      }
      row.set(spec->name(), bits);
    }
  }

  Datum lookup(const GroupRow& row, const std::string& name) const {
    for (size_t d = 0; d < dimensions_.size(); ++d) {
      if (dimensions_[d].output == name) return datum_of(row.dimensions[d]);
    }
    for (const auto& entry : row.values.values()) {
      if (entry.first == name) return datum_of(entry.second);
    }
    return {};
  }

  // By time, then as asked, then by the dimensions.
  void sort(std::vector<GroupRow>& rows) const {
    std::sort(rows.begin(), rows.end(), [&](const GroupRow& a, const GroupRow& b) {
      if (a.time != b.time) return a.time < b.time;
      for (const OrderColumn& column : limit_.columns) {
        const bool numeric = !column.given && query_.has_output(column.name);
        const int c = compare(lookup(a, column.name), lookup(b, column.name),
                              numeric ? Ordering::numeric : column.ordering);
        if (c != 0) return column.descending ? c > 0 : c < 0;
      }
      for (size_t d = 0; d < dimensions_.size(); ++d) {
        const Ordering ordering =
            dimensions_[d].type == OutputType::text ? Ordering::lexicographic : Ordering::numeric;
        const int c = compare(datum_of(a.dimensions[d]), datum_of(b.dimensions[d]), ordering);
        if (c != 0) return c < 0;
      }
      return false;
    });
  }

  Status write(const std::vector<GroupRow>& rows) {
    const size_t begin = std::min(limit_.offset, rows.size());
    const size_t n = std::min(limit_.limit, rows.size() - begin);
    for (size_t i = begin; i < begin + n; ++i) {
      if (out_.size() > 1) out_ += ',';
      as_array_ ? append_array(rows[i]) : append_object(rows[i]);
      if (out_.size() > query_.limits.max_result_bytes) {
        return Status::user(Code::resource_exhausted, "The answer is too large: ask for less.");
      }
    }
    return {};
  }

  void append_object(const GroupRow& row) {
    out_ += R"({"version":"v1","timestamp":")" + query_.granularity.format(row.time) + R"(","event":{)";
    for (size_t d = 0; d < dimensions_.size(); ++d) {
      if (d > 0) out_ += ',';
      append_key(out_, dimensions_[d].output);
      append_json(out_, row.dimensions[d]);
    }
    row.values.append(out_, !dimensions_.empty());
    out_ += "}}";
  }

  void append_array(const GroupRow& row) {
    out_ += '[';
    bool comma = false;
    const auto next = [&] {
      if (comma) out_ += ',';
      comma = true;
    };
    if (!query_.granularity.is_all()) {
      next();
      out_ += fmt::to_string(to_millis(row.time));
    }
    for (const QueryValue& v : row.dimensions) {
      next();
      append_json(out_, v);
    }
    for (const auto& entry : row.values.values()) {
      next();
      append_json(out_, entry.second);
    }
    out_ += ']';
  }

  Query& query_;
  std::vector<GroupDimension> dimensions_;
  LimitSpec limit_;
  std::shared_ptr<const Having> having_;
  bool as_array_;
  std::string out_ = "[";
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
