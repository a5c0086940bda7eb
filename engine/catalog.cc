#include "engine/catalog.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {

namespace {

std::string lower(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

template <class T>
void insert(std::map<std::string, T>& entries, T kind) {
  const std::string name = kind.name;
  if (!entries.try_emplace(name, std::move(kind)).second) {
    check_failed(__FILE__, __LINE__, "every name stands once in the catalog:", name);
  }
}

template <class T>
const T* find(const std::map<std::string, T>& entries, const std::string& name) {
  const auto it = entries.find(name);
  return it == entries.end() ? nullptr : &it->second;
}

// Damerau's distance with adjacent swaps (optimal string alignment), case ignored.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

void Catalog::add(OperatorKind kind) {
  insert(operators_, std::move(kind));
}
void Catalog::add(SourceKind kind) {
  insert(sources_, std::move(kind));
}
void Catalog::add(SinkKind kind) {
  insert(sinks_, std::move(kind));
}
void Catalog::add(FormatKind kind) {
  insert(formats_, std::move(kind));
}
void Catalog::add(FunctionKind kind) {
  insert(functions_, std::move(kind));
}
void Catalog::add(AggregateKind kind) {
  for (const std::string& alias : kind.aliases) {
    if (!aggregate_aliases_.try_emplace(lower(alias), kind.name).second) {
      check_failed(__FILE__, __LINE__, "every alias stands once in the catalog:", alias);
    }
  }
  insert(aggregates_, std::move(kind));
}

const OperatorKind* Catalog::find_operator(std::string_view name) const {
  return find(operators_, std::string(name));
}
const SourceKind* Catalog::find_source(std::string_view name) const {
  return find(sources_, std::string(name));
}
const SinkKind* Catalog::find_sink(std::string_view name) const {
  return find(sinks_, std::string(name));
}
const FormatKind* Catalog::find_format(std::string_view name) const {
  return find(formats_, std::string(name));
}
const FunctionKind* Catalog::find_function(std::string_view name) const {
  return find(functions_, lower(name));
}
const AggregateKind* Catalog::find_aggregate(std::string_view name) const {
  const std::string word = lower(name);
  if (const AggregateKind* kind = find(aggregates_, word)) return kind;
  const auto alias = aggregate_aliases_.find(word);
  return alias == aggregate_aliases_.end() ? nullptr : find(aggregates_, alias->second);
}

namespace {

// What other systems call it, and its name here.
constexpr std::pair<std::string_view, std::string_view> kOtherWords[] = {
    // clauses
    {"filter", "where"},
    {"condition", "where"},
    {"group_by", "key_by"},
    {"partition_by", "key_by"},
    {"keys", "key_by"},
    {"columns", "select"},
    {"project", "select"},
    {"input", "from"},
    {"inputs", "from"},
    {"input", "feed"},
    {"aggregations", "aggregate"},
    {"metrics", "aggregate"},
    // windows and time
    {"sliding", "hopping"},
    {"fixed", "tumbling"},
    {"hop", "slide"},
    {"advance", "slide"},
    {"timeout", "gap"},
    {"late", "allowed_lateness"},
    {"lateness", "allowed_lateness"},
    {"grace", "allowed_lateness"},
    {"trigger", "every"},
    {"zone", "timezone"},
    {"tz", "timezone"},
    {"watermark", "out_of_order"},
    {"delay", "out_of_order"},
    {"max_delay", "out_of_order"},
    {"field", "column"},
    {"timestamp", "column"},
    // connectors
    {"kafka", "topic"},
    {"stdout", "console"},
    {"print", "console"},
    {"blackhole", "discard"},
    {"druid", "rollup"},
    {"datagen", "generator"},
    {"path", "directory"},
    {"offset", "start"},
    {"auto.offset.reset", "start"},
    {"bootstrap.servers", "brokers"},
    {"bootstrap_servers", "brokers"},
    {"servers", "brokers"},
    {"sasl.username", "username"},
    {"user", "username"},
    {"sasl.password", "password"},
    {"security.protocol", "security"},
    {"protocol", "security"},
    {"sasl.mechanism", "mechanism"},
    {"client.id", "client_id"},
    {"ssl.ca.location", "ca_file"},
    {"ignore", "skip"},
    {"drop", "skip"},
    {"error", "fail"},
    {"abort", "fail"},
    {"insert", "append"},
    // types
    {"varchar", "string"},
    {"char", "string"},
    {"uuid", "string"},
    {"json", "string"},
    {"datetime", "timestamp"},
    {"time", "timestamp"},
    {"number", "double"},
    {"real", "double"},
    {"array", "list"},
    {"object", "struct"},
    {"record", "struct"},
    {"row", "struct"},
    {"binary", "bytes"},
    {"blob", "bytes"},
    // functions
    {"average", "avg"},
    {"percentile", "approx_quantile"},
    {"quantile", "approx_quantile"},
    {"median", "approx_quantile"},
    {"distinct_count", "approx_count_distinct"},
    {"first_value", "first"},
    {"last_value", "last"},
    {"any_value", "any"},
    {"array_agg", "collect"},
    {"listagg", "collect"},
    {"approx_percentile", "approx_quantile"},
    {"percentile_approx", "approx_quantile"},
    {"percentile_cont", "approx_quantile"},
    {"percentile_disc", "approx_quantile"},
    {"approx_distinct", "approx_count_distinct"},
    {"count_distinct", "approx_count_distinct"},
    {"ndv", "approx_count_distinct"},
    {"uniq", "approx_count_distinct"},
    {"countif", "count_if"},
    {"count_star", "count"},
    {"mean", "avg"},
    {"earliest", "first"},
    {"latest", "last"},
    {"arbitrary", "any"},
    {"string_agg", "collect"},
    {"group_concat", "collect"},
    {"collect_list", "collect"},
    {"stddev_samp", "stddev"},
    {"var_samp", "variance"},
    {"substring", "substr"},
    {"len", "length"},
    {"char_length", "length"},
    {"character_length", "length"},
    {"strlen", "length"},
    {"lcase", "lower"},
    {"ucase", "upper"},
    {"btrim", "trim"},
    {"strpos", "position"},
    {"instr", "position"},
    {"locate", "position"},
    {"charindex", "position"},
    {"startswith", "starts_with"},
    {"endswith", "ends_with"},
    {"split_index", "split_part"},
    {"split", "split_part"},
    {"substring_index", "split_part"},
    {"concat_ws", "concat"},
    {"pow", "power"},
    {"rlike", "regexp_like"},
    {"regexp", "regexp_like"},
    {"regexp_matches", "regexp_like"},
    {"regexp_match", "regexp_like"},
    {"regexp_substr", "regexp_extract"},
    {"json_extract", "json_value"},
    {"json_extract_scalar", "json_value"},
    {"json_extract_path_text", "json_value"},
    {"get_json_object", "json_value"},
    {"json_query", "json_value"},
    {"to_int", "cast"},
    {"to_string", "cast"},
    {"to_date", "cast"},
    {"iif", "if"},
    {"zeroifnull", "ifnull"},
    {"div0", "try_divide"},
    {"safe_divide", "try_divide"},
    {"year", "extract"},
    {"quarter", "extract"},
    {"month", "extract"},
    {"week", "extract"},
    {"day", "extract"},
    {"dayofmonth", "extract"},
    {"dayofweek", "extract"},
    {"dayofyear", "extract"},
    {"hour", "extract"},
    {"minute", "extract"},
    {"second", "extract"},
    {"date_part", "extract"},
    {"datepart", "extract"},
    {"time_extract", "extract"},
    {"time_floor", "date_trunc"},
    {"floor_time", "date_trunc"},
    {"date_bin", "date_trunc"},
    {"time_bucket", "date_trunc"},
    {"tostartofhour", "date_trunc"},
    {"timestampadd", "date_add"},
    {"dateadd", "date_add"},
    {"add_months", "date_add"},
    {"time_shift", "date_add"},
    {"timestampdiff", "date_diff"},
    {"datediff", "date_diff"},
    {"age", "date_diff"},
    {"date_format", "format"},
    {"to_char", "format"},
    {"time_format", "format"},
    {"strftime", "format"},
    {"str_to_date", "to_timestamp"},
    {"parse_timestamp", "to_timestamp"},
    {"time_parse", "to_timestamp"},
    {"from_unixtime", "to_timestamp"},
    {"millis_to_timestamp", "to_timestamp"},
    {"to_timestamp_ltz", "to_timestamp"},
    {"convert_tz", "at_timezone"},
    {"from_utc_timestamp", "at_timezone"},
    {"to_utc_timestamp", "from_timezone"},
    {"haversine", "distance_km"},
    {"st_distance", "distance_km"},
    {"geohash", "grid_cell"},
    {"md5", "hash64"},
    {"sha1", "hash64"},
    {"sha256", "hash64"},
    {"crc32", "hash64"},
    {"hash", "hash64"},
};

const std::string* same_in_other_words(std::string_view word, const std::vector<std::string>& candidates) {
  for (const auto& [other, ours] : kOtherWords) {
    if (other != word) continue;
    const auto found = std::find(candidates.begin(), candidates.end(), ours);
    if (found != candidates.end()) return &*found;
  }
  return nullptr;
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string wanted = lower(word);
  if (const std::string* same = same_in_other_words(wanted, candidates))
    return fmt::format("(did you mean '{}'?)", *same);
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, wanted.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(wanted, lower(candidate));
    if (distance < best_distance && distance < std::max(wanted.size(), candidate.size())) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best ? fmt::format("(did you mean '{}'?)", *best) : std::string();
}

}  // namespace rideflow
