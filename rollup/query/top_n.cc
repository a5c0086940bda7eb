#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "rollup/query/grouping.h"

namespace rideflow::rollup {
namespace {

constexpr std::string_view kType = "query.topn.TopNQuery";

// How the groups of a bucket are ranked.
struct Ranking {
  bool by_metric = true;
  std::string metric;
  Ordering ordering = Ordering::lexicographic;
  std::optional<std::string> previous_stop;
  bool inverted = false;
};

Result<Ranking> parse_ranking(const Json* json, int depth = 0) {
  if (json == nullptr || depth > 8) return bad_query(kType, "must specify a metric");
  Ranking ranking;
  const JsonObject* object = json->if_object();
  if (object == nullptr) {
    ranking.metric = text(json).value_or("");
    return ranking;
  }
  const std::string type = text(*object, "type");
  if (type == "numeric") {
    ranking.metric = text(*object, "metric");
    return ranking;
  }
  if (type == "inverted") {
    RF_ASSIGN(ranking, parse_ranking(find(*object, "metric"), depth + 1));
    ranking.inverted = !ranking.inverted;
    return ranking;
  }
  ranking.by_metric = false;
  const std::string ordering =
      type == "alphaNumeric" ? "alphanumeric" : text(*object, "ordering", "lexicographic");
  const auto parsed = parse_ordering(ordering);
  if (!parsed) return bad_query(kType, "unknown ordering " + ordering);
  if (type != "dimension" && type != "lexicographic" && type != "alphaNumeric") {
    return unknown_type(type, "query.topn.TopNMetricSpec",
                        "alphaNumeric, dimension, inverted, lexicographic, numeric");
  }
  ranking.ordering = *parsed;
  ranking.previous_stop = text(find(*object, "previousStop"));
  return ranking;
}

struct Entry {
  size_t group;
  OutputRow row;
  QueryValue metric;
};

class TopN {
 public:
  TopN(Query& query, GroupDimension dimension, Ranking ranking, size_t threshold)
      : query_(query),
        grouper_(query, {std::move(dimension)}),
        ranking_(std::move(ranking)),
        threshold_(threshold),
        aggregators_(make_aggregators(query.aggregators)) {}

  Result<std::string> run() {
    const OnPart on_part = [&](PartView& part) {
      grouper_.bind(part);
      for (auto& aggregator : aggregators_) aggregator->bind(part);
    };
    const OnPage on_page = [&](Page& page, const uint32_t* rows, size_t n) -> Status {
      RF_TRY(grouper_.assign(page, rows, n));
      return grouper_.update(page, aggregators_);
    };
    RF_TRY(scan(query_, on_part, on_page));
    return write();
  }

 private:
  Datum dimension_of(const Entry& e) const { return datum_of(grouper_.value(e.group, 0)); }
  Ordering tie_ordering() const {
    return grouper_.dimensions()[0].type == OutputType::text ? Ordering::lexicographic : Ordering::numeric;
  }

  // Whether a stands before b.
  bool before(const Entry& a, const Entry& b) const {
    if (!ranking_.by_metric) {
      const int c = compare(dimension_of(a), dimension_of(b), ranking_.ordering);
      return ranking_.inverted ? c > 0 : c < 0;
    }
    const Datum x = datum_of(a.metric);
    const Datum y = datum_of(b.metric);
    if (x.is_null() != y.is_null()) return y.is_null();
    const int c = compare(x, y, Ordering::numeric);
    if (c != 0) return ranking_.inverted ? c < 0 : c > 0;
    return compare(dimension_of(a), dimension_of(b), tie_ordering()) < 0;
  }

  bool past_stop(const Entry& e) const {
    if (ranking_.by_metric || !ranking_.previous_stop) return true;
    const int c =
        compare(dimension_of(e), Datum::of(std::string_view(*ranking_.previous_stop)), ranking_.ordering);
    return ranking_.inverted ? c < 0 : c > 0;
  }

  Result<std::string> write() {
    std::map<Micros, std::vector<Entry>> buckets;
    if (query_.granularity.is_all()) buckets[query_.all_time()];
    for (size_t g = 0; g < grouper_.size(); ++g) {
      RF_ASSIGN(OutputRow row, OutputRow::make(query_, aggregators_, g));
      Entry entry{g, std::move(row), {}};
      entry.metric = entry.row.finalized(ranking_.metric);
      if (past_stop(entry))
        buckets[grouper_.buckets().start(grouper_.bucket_of(g))].push_back(std::move(entry));
    }
    std::string out = "[";
    for (auto& bucket : buckets) {
      std::vector<Entry>& entries = bucket.second;
      const size_t n = std::min(threshold_, entries.size());
      std::partial_sort(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(n), entries.end(),
                        [&](const Entry& a, const Entry& b) { return before(a, b); });
      if (out.size() > 1) out += ',';
      out += R"({"timestamp":")" + query_.granularity.format(bucket.first) + R"(","result":[)";
      for (size_t i = 0; i < n; ++i) append(out, entries[i], i > 0);
      out += "]}";
    }
    return out += ']';
  }

  void append(std::string& out, const Entry& entry, bool comma) const {
    if (comma) out += ',';
    out += '{';
    append_key(out, grouper_.dimensions()[0].output);
    append_json(out, grouper_.value(entry.group, 0));
    entry.row.append(out, true);
    out += '}';
  }

  Query& query_;
  Grouper grouper_;
  Ranking ranking_;
  size_t threshold_;
  std::vector<std::unique_ptr<Aggregator>> aggregators_;
};

}  // namespace

Result<std::string> run_top_n(const JsonObject& json, Query& query) {
  RF_TRY(parse_query(json, true, query));
  const Json* dimension = find(json, "dimension");
  if (dimension == nullptr) return bad_query(kType, "dimensionSpec can't be null");
  RF_ASSIGN(GroupDimension parsed, GroupDimension::parse(*dimension, *query.columns));
  RF_ASSIGN(Ranking ranking, parse_ranking(find(json, "metric")));
  const int64_t threshold = integer(find(json, "threshold")).value_or(0);
  if (threshold <= 0) return bad_query(kType, "Threshold cannot be equal to 0.");
  if (ranking.by_metric && !query.has_output(ranking.metric)) {
    return bad_query(kType, fmt::format("Must have an AggregatorFactory or PostAggregator for metric[{}]",
                                        ranking.metric));
  }
  return TopN(query, std::move(parsed), std::move(ranking), static_cast<size_t>(threshold)).run();
}

}  // namespace rideflow::rollup
