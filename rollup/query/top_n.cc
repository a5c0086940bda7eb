#include <fmt/format.h>

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

class TopN {
 public:
  TopN(Query& query, GroupDimension dimension, Ranking ranking, size_t threshold)
      : query_(query),
        grouper_(query, {std::move(dimension)}),
        ranking_(std::move(ranking)),
        threshold_(threshold),
        all_time_(query.all_time()),
        states_(query),
        row_(query),
        held_(*query.control),
        out_(query) {}

  Result<std::string> run() {
    const OnPart on_part = [&](PartView& part) {
      grouper_.bind(part);
      states_.bind(part);
    };
    const OnPage on_page = [&](Page& page, const uint32_t* rows, size_t n) -> Status {
      RF_TRY(grouper_.assign(page, rows, n));
      return grouper_.update(page, states_);
    };
    RF_TRY(scan(query_, on_part, on_page));
    RF_TRY(states_.grow(grouper_.size()));
    return write();
  }

 private:
  const GroupDimension& dimension() const { return grouper_.dimensions()[0]; }
  Datum dimension_of(size_t group) const { return datum_of(grouper_.value(group, 0)); }
  Micros time_of(size_t group) const {
    return query_.granularity.is_all() ? all_time_ : grouper_.buckets().start(grouper_.bucket_of(group));
  }
  uint32_t rank_of(size_t group) const { return ranks_[grouper_.value_id(group, 0)]; }

  // Whether a stands before b in their bucket.
  bool before(uint32_t a, uint32_t b) const {
    if (!ranking_.by_metric) return ranking_.inverted ? rank_of(a) > rank_of(b) : rank_of(a) < rank_of(b);
    const Datum x = datum_of(metrics_[a]);
    const Datum y = datum_of(metrics_[b]);
    if (x.is_null() != y.is_null()) return y.is_null();
    const int c = compare(x, y, Ordering::numeric);
    if (c != 0) return ranking_.inverted ? c < 0 : c > 0;
    return rank_of(a) < rank_of(b);
  }

  bool past_stop(size_t group) const {
    if (ranking_.by_metric || !ranking_.previous_stop) return true;
    const int c =
        compare(dimension_of(group), Datum::of(std::string_view(*ranking_.previous_stop)), ranking_.ordering);
    return ranking_.inverted ? c < 0 : c > 0;
  }

  // Ranks of the dimension's values: what it is ordered by, or what decides between equal metrics.
  Status prepare() {
    const size_t n = grouper_.size();
    const size_t bytes = n * (sizeof(uint32_t) + (ranking_.by_metric ? sizeof(QueryValue) : 0));
    if (!held_.add(bytes + grouper_.values(0).size() * sizeof(uint32_t))) return query_.control->status();
    const Ordering ties = dimension().type == OutputType::text ? Ordering::lexicographic : Ordering::numeric;
    RF_ASSIGN(ranks_, rank_values(query_, grouper_.values(0), ranking_.by_metric ? ties : ranking_.ordering));
    if (ranking_.by_metric) metrics_.resize(n);
    for (size_t g = 0; g < n; ++g) {
      if (!query_.control->step()) return query_.control->status();
      if (!past_stop(g)) continue;
      groups_.push_back(static_cast<uint32_t>(g));
      if (!ranking_.by_metric) continue;
      RF_TRY(row_.load(states_, g));
      metrics_[g] = row_.finalized(ranking_.metric);
      const auto* text = std::get_if<std::string>(&metrics_[g]);
      if (text != nullptr && !held_.add(text->capacity())) return query_.control->status();
    }
    return sort_rows(groups_, query_, [&](uint32_t a, uint32_t b) {
      const Micros x = time_of(a);
      const Micros y = time_of(b);
      return x != y ? x < y : before(a, b);
    });
  }

  Result<std::string> write() {
    RF_TRY(prepare());
    std::string& out = out_.text;
    out = "[";
    if (groups_.empty() && query_.granularity.is_all()) {
      open_bucket(all_time_);
      out += "]}";
    }
    for (size_t i = 0; i < groups_.size();) {
      const Micros time = time_of(groups_[i]);
      open_bucket(time);
      for (size_t n = 0; i < groups_.size() && time_of(groups_[i]) == time; ++i, ++n) {
        if (n < threshold_) RF_TRY(append(groups_[i], n > 0));
      }
      out += "]}";
      RF_TRY(out_.check(1));
    }
    return std::move(out) + "]";
  }

  void open_bucket(Micros time) {
    if (out_.text.size() > 1) out_.text += ',';
    out_.text += R"({"timestamp":")" + query_.granularity.format(time) + R"(","result":[)";
  }

  Status append(size_t group, bool comma) {
    RF_TRY(row_.load(states_, group));
    std::string& out = out_.text;
    if (comma) out += ',';
    out += '{';
    append_key(out, dimension().output);
    append_json(out, grouper_.value(group, 0));
    row_.append(out, true);
    out += '}';
    return out_.check(1 + query_.outputs.size() / 4);
  }

  Query& query_;
  Grouper grouper_;
  Ranking ranking_;
  size_t threshold_;
  Micros all_time_;
  GroupStates states_;
  OutputRow row_;
  HeldBytes held_;
  AnswerText out_;
  std::vector<uint32_t> ranks_;
  std::vector<QueryValue> metrics_;  // by group
  std::vector<uint32_t> groups_;
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
