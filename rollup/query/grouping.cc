#include "rollup/query/grouping.h"

#include <algorithm>
#include <bit>
#include <set>

#include "engine/hash.h"
#include "rollup/query/expression.h"
#include "rollup/query/text_match.h"

namespace rideflow::rollup {
namespace {

// What a page's rows may become, one for each combination of the values of multi-value dimensions.
constexpr size_t kMaxPageRows = size_t{1} << 22;

// Bytes that are equal for equal values.
std::string key_of(const QueryValue& v) {
  if (const auto* i = std::get_if<int64_t>(&v)) return {reinterpret_cast<const char*>(i), sizeof *i};
  if (const auto* d = std::get_if<double>(&v)) return {reinterpret_cast<const char*>(d), sizeof *d};
  if (const auto* s = std::get_if<std::string>(&v)) return "s" + *s;
  return {};
}

OutputType parse_output_type(const JsonObject& json) {
  const std::string type = text(json, "outputType", "STRING");
  if (type == "LONG" || type == "long") return OutputType::integer;
  const bool number = type == "DOUBLE" || type == "FLOAT" || type == "double" || type == "float";
  return number ? OutputType::number : OutputType::text;
}

Result<GroupDimension> parse_filtered(const std::string& type, const JsonObject& json,
                                      const QueryColumns& columns) {
  const Json* delegate = find(json, "delegate");
  if (delegate == nullptr) return bad_query("query.dimension.DimensionSpec", "delegate must not be null");
  RF_ASSIGN(GroupDimension out, GroupDimension::parse(*delegate, columns));
  if (type == "prefixFiltered") {
    out.keep = [prefix = text(json, "prefix")](const Datum& d) {
      const auto t = text_of(d);
      return t && t->starts_with(prefix);
    };
  } else if (type == "regexFiltered") {
    RF_ASSIGN(const auto regex, compile_regex(text(json, "pattern"), columns.control()));
    out.keep = [regex](const Datum& d) {
      const auto t = text_of(d);
      return t && regex_find(*regex, *t);
    };
  } else {
    std::set<std::string> values;
    for (const Json* item : items(find(json, "values"))) values.insert(text(item).value_or(""));
    out.keep = [values, listed = flag(json, "isWhitelist", true)](const Datum& d) {
      const auto t = text_of(d);
      return t && (values.count(*t) > 0) == listed;
    };
  }
  return out;
}

}  // namespace

Result<GroupDimension> GroupDimension::parse(const Json& json, const QueryColumns& columns) {
  GroupDimension out;
  const JsonObject* object = json.if_object();
  if (object == nullptr) {
    const auto name = text(&json);
    if (!name) return bad_query("query.dimension.DefaultDimensionSpec", "dimension must not be null");
    out.column = columns.find(*name);
    out.output = *name;
    return out;
  }
  const std::string type = text(*object, "type", "default");
  if (type == "listFiltered" || type == "regexFiltered" || type == "prefixFiltered") {
    return parse_filtered(type, *object, columns);
  }
  const auto name = text(find(*object, "dimension"));
  if (!name) return bad_query("query.dimension.DefaultDimensionSpec", "dimension must not be null");
  out.column = columns.find(*name);
  out.output = text(*object, "outputName", *name);
  out.type = parse_output_type(*object);
  if (type == "extraction") {
    RF_ASSIGN(out.extraction, Extraction::parse(find(*object, "extractionFn"), columns.control()));
  } else if (type == "lookup") {
    JsonObject lookup = *object;
    lookup["type"] = "lookup";
    const Json as_extraction(std::move(lookup));
    RF_ASSIGN(out.extraction, Extraction::parse(&as_extraction, columns.control()));
  } else if (type != "default") {
    return unknown_type(type, "query.dimension.DimensionSpec",
                        "default, extraction, listFiltered, lookup, prefixFiltered, regexFiltered");
  }
  if (out.extraction) out.cost += 4 * out.extraction->steps();
  return out;
}

QueryValue GroupDimension::output_of(const Datum& d) const {
  std::optional<std::string> extracted;
  Datum value = d;
  if (extraction) {
    extracted = extraction->apply(d);
    value = extracted ? Datum::of(std::string_view(*extracted)) : Datum();
  }
  if (value.is_null()) return {};
  if (type == OutputType::text) return *text_of(value);
  const auto n = number_of(value);
  if (!n) return {};
  if (type == OutputType::number) return *n;
  return value.kind == Datum::Kind::integer ? value.integer : static_cast<int64_t>(*n);
}

void PairIndex::expect(size_t a, size_t b) {
  constexpr size_t kMost = size_t{1} << 18;  // a table of 1 MiB stays in the processor's caches
  if (b > stride_) {                         // another place for every pair
    near_.clear();
    stride_ = std::bit_ceil(b);
  }
  if (a * stride_ > near_.size() && a * stride_ <= kMost) near_.resize(std::bit_ceil(a) * stride_);
}

uint32_t PairIndex::find(uint32_t a, uint32_t b) {
  const size_t mask = slots_.size() - 1;
  size_t slot = mix64(uint64_t{a} << 32 | b) & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const auto& pair = pairs_[slots_[slot] - 1];
    if (pair.first == a && pair.second == b) return slots_[slot] - 1;
  }
  pairs_.emplace_back(a, b);
  slots_[slot] = static_cast<uint32_t>(pairs_.size());
  if (pairs_.size() * 2 > slots_.size()) grow();
  return static_cast<uint32_t>(pairs_.size() - 1);
}

void PairIndex::grow() {
  slots_.assign(slots_.size() * 2, 0);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    size_t slot = mix64(uint64_t{pairs_[i].first} << 32 | pairs_[i].second) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<uint32_t>(i) + 1;
  }
}

Grouper::Grouper(const Query& query, std::vector<GroupDimension> dimensions)
    : query_(query),
      dimensions_(std::move(dimensions)),
      buckets_(query),
      values_(dimensions_.size()),
      levels_(dimensions_.size()),
      held_values_(*query.control),
      held_codes_(*query.control),
      held_groups_(*query.control) {}

uint32_t Grouper::intern(Level& level, QueryValue v) {
  std::string key = key_of(v);
  // The value, its key and a node of the table.
  const size_t bytes = 2 * sizeof(QueryValue) + 3 * sizeof(void*) + 2 * key.size();
  const auto [it, added] = level.ids.try_emplace(std::move(key), static_cast<uint32_t>(level.values.size()));
  if (!added) return it->second;
  held_values_.add(bytes);  // refused: whoever walks the values or rows stops
  level.values.push_back(std::move(v));
  return it->second;
}

void Grouper::bind(PartView& part) {
  QueryControl& control = *query_.control;
  std::vector<uint32_t> codes;
  size_t held = 0;
  for (size_t d = 0; d < dimensions_.size(); ++d) {
    const GroupDimension& dimension = dimensions_[d];
    if (dimension.column.kind != ColumnRef::Kind::dimension) continue;
    Level& level = values_[d];
    level.begin.assign(1, 0);
    level.ids_of.clear();
    const uint32_t n = part.dimension(dimension.column.index).codes();
    held += n * 2 * sizeof(uint32_t);
    if (!held_codes_.set(held)) return;
    for (uint32_t c = 0; c < n; ++c) {
      if (!control.step(dimension.cost)) return;
      part.values_of(dimension.column.index, c, codes);
      for (const uint32_t v : codes) {
        const Datum datum = part.value(dimension.column.index, v);
        if (dimension.keep && !dimension.keep(datum)) continue;
        level.ids_of.push_back(intern(level, dimension.output_of(datum)));
      }
      if (level.ids_of.size() == level.begin.back()) level.ids_of.push_back(intern(level, QueryValue()));
      level.begin.push_back(static_cast<uint32_t>(level.ids_of.size()));
    }
    held += (level.ids_of.capacity() + level.begin.capacity()) * sizeof(uint32_t) - n * 2 * sizeof(uint32_t);
    if (!held_codes_.set(held)) return;
  }
}

Status Grouper::assign(Page& page, const uint32_t* rows, size_t n) {
  RF_ASSIGN(const uint32_t* buckets, buckets_.assign(page, rows, n));
  rows_.resize(n);
  groups_.resize(n);
  for (size_t i = 0; i < n; ++i) {
    rows_[i] = rows ? rows[i] : static_cast<uint32_t>(i);
    groups_[i] = buckets ? buckets[i] : 0;
  }
  size_t held = 0;
  for (size_t d = 0; d < dimensions_.size(); ++d) {
    RF_TRY(assign_level(page, d));
    held += levels_[d].bytes();
    if (!query_.control->step(1 + n / 64)) return query_.control->status();
  }
  held += (rows_.capacity() + groups_.capacity() + next_rows_.capacity() + next_groups_.capacity()) *
          sizeof(uint32_t);
  if (!held_groups_.set(held)) return query_.control->status();
  if (size() > query_.limits().max_groups) {
    return Status::user(Code::resource_exhausted,
                        "The query makes too many groups: filter, or group by fewer dimensions.");
  }
  return {};
}

Status Grouper::assign_level(Page& page, size_t d) {
  const GroupDimension& dimension = dimensions_[d];
  QueryControl& control = *query_.control;
  Level& level = values_[d];
  PairIndex& index = levels_[d];
  if (dimension.column.kind != ColumnRef::Kind::dimension) {
    for (size_t i = 0; i < rows_.size(); ++i) {
      RF_ASSIGN(Datum datum, page.datum(dimension.column, rows_[i]));
      if (dimension.keep && !dimension.keep(datum)) datum = {};
      groups_[i] = index.find_or_add(groups_[i], intern(level, dimension.output_of(datum)));
      if (!control.step(dimension.cost)) return control.status();
    }
    return {};
  }
  RF_ASSIGN(const uint32_t* codes, page.codes(dimension.column.index));
  index.expect(d == 0 ? buckets_.size() : levels_[d - 1].size(), level.values.size());
  const uint32_t* begin = level.begin.data();
  const uint32_t* ids = level.ids_of.data();
  if (level.ids_of.size() + 1 == level.begin.size()) {  // one value each
    index.find_or_add(groups_, [ids, codes, row = rows_.data()](size_t i) { return ids[codes[row[i]]]; });
    return {};
  }
  next_rows_.clear();
  next_groups_.clear();
  for (size_t i = 0; i < rows_.size(); ++i) {
    const uint32_t code = codes[rows_[i]];
    if (!control.step(1 + (begin[code + 1] - begin[code]) / 8)) return control.status();
    for (uint32_t k = begin[code]; k < begin[code + 1]; ++k) {
      next_rows_.push_back(rows_[i]);
      next_groups_.push_back(index.find_or_add(groups_[i], ids[k]));
    }
    if (next_rows_.size() > kMaxPageRows) {
      return Status::user(
          Code::resource_exhausted,
          "Rows with several values in several dimensions stand for too many combinations: group "
          "by fewer of these dimensions.");
    }
  }
  rows_.swap(next_rows_);
  groups_.swap(next_groups_);
  return {};
}

Status Grouper::update(Page& page, GroupStates& states) const {
  RF_TRY(states.grow(size()));
  return states.update(page, rows_.data(), groups_.data(), rows_.size());
}

size_t Grouper::bucket_of(size_t group) const {
  for (size_t d = levels_.size(); d-- > 0;) group = levels_[d].at(group).first;
  return group;
}

uint32_t Grouper::value_id(size_t group, size_t dimension) const {
  for (size_t d = levels_.size() - 1; d > dimension; --d) group = levels_[d].at(group).first;
  return levels_[dimension].at(group).second;
}

// ---- Order

Result<std::vector<uint32_t>> rank_values(const Query& query, const std::vector<QueryValue>& values,
                                          Ordering ordering) {
  std::vector<uint32_t> order(values.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  const auto before = [&](uint32_t a, uint32_t b) {
    return compare(datum_of(values[a]), datum_of(values[b]), ordering) < 0;
  };
  RF_TRY(sort_rows(order, query, before));
  std::vector<uint32_t> ranks(values.size());
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && before(order[i - 1], order[i])) ++rank;
    ranks[order[i]] = rank;
  }
  return ranks;
}

}  // namespace rideflow::rollup
