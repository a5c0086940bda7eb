#include <fmt/format.h>

#include <cmath>

#include "rollup/query/expression.h"
#include "rollup/query/extraction.h"
#include "rollup/query/interval.h"
#include "rollup/query/json.h"
#include "rollup/query/text_match.h"

namespace rideflow::rollup {
namespace {

using Args = const std::vector<QueryValue>&;
using Answer = Result<QueryValue>;

double num(const QueryValue& v) {
  return number_of(datum_of(v)).value_or(0);
}
int64_t whole(const QueryValue& v) {
  if (const auto* i = std::get_if<int64_t>(&v)) return *i;
  const double d = num(v);
  return std::fabs(d) < 9.2e18 ? static_cast<int64_t>(d) : 0;
}
std::string str(const QueryValue& v) {
  return text_of(datum_of(v)).value_or("");
}
bool is_text(const QueryValue& v) {
  return std::holds_alternative<std::string>(v);
}
bool is_double(const QueryValue& v) {
  return std::holds_alternative<double>(v) || is_text(v);
}
QueryValue boolean(bool b) {
  return int64_t{b ? 1 : 0};
}
Status too_long() {
  return Status::user(Code::resource_exhausted, fmt::format("An expression makes a text of more than {} KiB.",
                                                            Expression::kMaxText >> 10));
}
// Both integers: `on_longs` over wrapping 64 bits; else over doubles.
template <class L, class D>
QueryValue arithmetic(Args a, L on_longs, D on_doubles) {
  if (is_double(a[0]) || is_double(a[1])) return on_doubles(num(a[0]), num(a[1]));
  return static_cast<int64_t>(
      on_longs(static_cast<uint64_t>(whole(a[0])), static_cast<uint64_t>(whole(a[1]))));
}

int order(Args a) {
  const bool as_text = is_text(a[0]) && is_text(a[1]);
  return compare(datum_of(a[0]), datum_of(a[1]), as_text ? Ordering::lexicographic : Ordering::numeric);
}

Answer add(Args a) {
  if (is_text(a[0]) && is_text(a[1])) return QueryValue(str(a[0]) + str(a[1]));
  return arithmetic(a, std::plus<>(), std::plus<>());
}
Answer subtract(Args a) {
  return arithmetic(a, std::minus<>(), std::minus<>());
}
Answer multiply(Args a) {
  return arithmetic(a, std::multiplies<>(), std::multiplies<>());
}
QueryValue divide_longs(int64_t x, int64_t y, bool rest) {
  if (y == 0) return {};
  if (y == -1) return rest ? int64_t{0} : static_cast<int64_t>(0 - static_cast<uint64_t>(x));
  return rest ? x % y : x / y;
}
Answer divide(Args a) {
  if (is_double(a[0]) || is_double(a[1])) return QueryValue(num(a[0]) / num(a[1]));
  return divide_longs(whole(a[0]), whole(a[1]), false);
}
Answer modulo(Args a) {
  if (is_double(a[0]) || is_double(a[1])) return QueryValue(std::fmod(num(a[0]), num(a[1])));
  return divide_longs(whole(a[0]), whole(a[1]), true);
}
Answer integer_divide(Args a) {
  return divide_longs(whole(a[0]), whole(a[1]), false);
}
Answer power(Args a) {
  return QueryValue(std::pow(num(a[0]), num(a[1])));
}
Answer negate(Args a) {
  if (is_double(a[0])) return QueryValue(-num(a[0]));
  return QueryValue(static_cast<int64_t>(0 - static_cast<uint64_t>(whole(a[0]))));
}
Answer logical_not(Args a) {
  return boolean(!expression_truth(a[0]));
}

Answer absolute(Args a) {
  if (is_double(a[0])) return QueryValue(std::fabs(num(a[0])));
  return whole(a[0]) < 0 ? negate(a) : Answer(a[0]);
}
Answer rounded(Args a) {
  const int64_t digits = a.size() > 1 ? std::clamp<int64_t>(whole(a[1]), -18, 18) : 0;
  if (!is_double(a[0]) && digits >= 0) return a[0];
  const double scale = std::pow(10.0, static_cast<double>(digits));
  const double v = std::round(num(a[0]) * scale) / scale;
  return is_double(a[0]) ? QueryValue(v) : QueryValue(static_cast<int64_t>(v));
}
Answer extreme(Args a, int sign) {
  QueryValue best;
  for (const QueryValue& v : a) {
    if (is_null(v)) continue;
    if (is_null(best) || order({v, best}) * sign > 0) best = v;
  }
  return best;
}

Answer if_(Args a) {
  return expression_truth(a[0]) ? a[1] : a[2];
}
Answer coalesce(Args a) {
  for (const QueryValue& v : a) {
    if (!is_null(v)) return v;
  }
  return QueryValue();
}
Answer case_searched(Args a) {
  for (size_t i = 0; i + 1 < a.size(); i += 2) {
    if (expression_truth(a[i])) return a[i + 1];
  }
  return a.size() % 2 == 1 ? a.back() : QueryValue();
}
Answer case_simple(Args a) {
  for (size_t i = 1; i + 1 < a.size(); i += 2) {
    if (!is_null(a[0]) && !is_null(a[i]) && order({a[0], a[i]}) == 0) return a[i + 1];
  }
  return a.size() % 2 == 0 ? a.back() : QueryValue();
}
Answer cast(Args a) {
  std::string type = to_upper(str(a[1]));
  if (type == "STRING" || type == "VARCHAR") return QueryValue(str(a[0]));
  const auto n = number_of(datum_of(a[0]));
  if (!n) return QueryValue();
  if (type == "LONG" || type == "BIGINT") return QueryValue(whole(a[0]));
  if (type == "DOUBLE" || type == "FLOAT") return QueryValue(*n);
  return bad_query("math.expr.Function", "cast() knows LONG, DOUBLE, FLOAT and STRING");
}

Answer concat(Args a) {
  std::string out;
  for (const QueryValue& v : a) {
    out += str(v);
    if (out.size() > Expression::kMaxText) return too_long();
  }
  return QueryValue(std::move(out));
}
Answer substring(Args a) {
  const std::string s = str(a[0]);
  const int64_t from = whole(a[1]);
  const int64_t length = whole(a[2]);
  if (from < 0 || static_cast<size_t>(from) > s.size()) return QueryValue();
  return QueryValue(
      s.substr(static_cast<size_t>(from), length < 0 ? std::string::npos : static_cast<size_t>(length)));
}
Answer strpos(Args a) {
  const size_t at = find_text(str(a[0]), str(a[1]));
  return QueryValue(at == std::string::npos ? int64_t{-1} : static_cast<int64_t>(at));
}
Answer replace(Args a) {
  const std::string s = str(a[0]);
  const std::string from = str(a[1]);
  const std::string to = str(a[2]);
  if (from.empty()) return QueryValue(s);
  std::string out;
  size_t done = 0;
  for (size_t at = find_text(s, from); at != std::string::npos; at = find_text(s, from, done)) {
    out.append(s, done, at - done).append(to);
    done = at + from.size();
    if (out.size() > Expression::kMaxText) return too_long();
  }
  return QueryValue(std::move(out.append(s, done)));
}
Answer trim(Args a) {
  const std::string s = str(a[0]);
  const size_t begin = s.find_first_not_of(' ');
  if (begin == std::string::npos) return QueryValue(std::string());
  return QueryValue(s.substr(begin, s.find_last_not_of(' ') - begin + 1));
}
Answer like(Args a) {
  RF_ASSIGN(const LikePattern pattern, LikePattern::parse(str(a[1]), a.size() > 2 ? str(a[2]) : ""));
  return boolean(pattern.matches(str(a[0])));
}
// Made for one call; a pattern that goes through its text step by step is kept from long ones.
Result<std::shared_ptr<const re2::RE2>> regex_of(Args a) {
  RF_ASSIGN(auto regex, compile_regex(str(a[1])));
  constexpr size_t kMostWork = size_t{1} << 26;
  if (static_cast<size_t>(regex->ProgramSize()) * str(a[0]).size() > kMostWork) {
    return Status::user(Code::resource_exhausted, "A pattern is too large for a text as long as this one.");
  }
  return regex;
}
Answer regexp_like(Args a) {
  RF_ASSIGN(const auto regex, regex_of(a));
  return boolean(regex_find(*regex, str(a[0])));
}
Answer regexp_extract(Args a) {
  RF_ASSIGN(const auto regex, regex_of(a));
  const int64_t group = a.size() > 2 ? whole(a[2]) : 0;
  const int groups = regex->NumberOfCapturingGroups() + 1;
  if (group < 0 || group >= groups) return QueryValue();
  std::vector<re2::StringPiece> found(static_cast<size_t>(groups));
  const std::string s = str(a[0]);
  if (!regex->Match(s, 0, s.size(), re2::RE2::UNANCHORED, found.data(), groups)) return QueryValue();
  const re2::StringPiece& piece = found[static_cast<size_t>(group)];
  return piece.data() == nullptr ? QueryValue() : QueryValue(piece.as_string());
}

Result<const TimeZone*> zone_of(Args a, size_t i) {
  if (i >= a.size() || is_null(a[i])) return TimeZone::utc();
  return TimeZone::find(str(a[i]));
}
constexpr int64_t kMaxMillis = INT64_MAX / 4000;
bool is_time(int64_t ms) {
  return ms >= -kMaxMillis && ms <= kMaxMillis;
}
Answer timestamp_floor(Args a) {
  if (is_null(a[0]) || !is_time(whole(a[0]))) return QueryValue();
  RF_ASSIGN(const TimeZone* zone, zone_of(a, 3));
  JsonObject period = {{"type", "period"}, {"period", str(a[1])}, {"timeZone", zone->name()}};
  if (a.size() > 2 && !is_null(a[2])) {
    if (!is_time(whole(a[2]))) return QueryValue();
    period["origin"] = format_timestamp(whole(a[2]) * 1000);
  }
  RF_ASSIGN(const Granularity g, Granularity::parse(Json(period)));
  return QueryValue(g.start_of(whole(a[0]) * 1000) / 1000);
}
Answer timestamp_shift(Args a) {
  if (is_null(a[0]) || !is_time(whole(a[0]))) return QueryValue();
  RF_ASSIGN(const TimeZone* zone, zone_of(a, 3));
  RF_ASSIGN(const Duration period, parse_duration(str(a[1])));
  return QueryValue(
      rideflow::add(whole(a[0]) * 1000, period, std::clamp<int64_t>(whole(a[2]), -10000, 10000), zone) /
      1000);
}
Answer timestamp_extract(Args a) {
  if (is_null(a[0]) || !is_time(whole(a[0]))) return QueryValue();
  RF_ASSIGN(const TimeZone* zone, zone_of(a, 2));
  const CivilTime c = to_civil(whole(a[0]) * 1000, zone);
  const std::string unit = to_upper(str(a[1]));
  const auto value = [&]() -> std::optional<int64_t> {
    if (unit == "EPOCH") return whole(a[0]) / 1000;
    if (unit == "SECOND") return c.second;
    if (unit == "MINUTE") return c.minute;
    if (unit == "HOUR") return c.hour;
    if (unit == "DAY") return c.day;
    if (unit == "DOW" || unit == "ISODOW") return c.weekday;
    if (unit == "DOY") return c.day_of_year;
    if (unit == "WEEK") return c.iso_week;
    if (unit == "MONTH") return c.month;
    if (unit == "QUARTER") return (c.month + 2) / 3;
    if (unit == "YEAR") return c.year;
    return std::nullopt;
  }();
  if (!value) return bad_query("math.expr.Function", "timestamp_extract() does not know the unit " + unit);
  return QueryValue(*value);
}
Answer timestamp_format(Args a) {
  if (is_null(a[0]) || !is_time(whole(a[0]))) return QueryValue();
  RF_ASSIGN(const TimeZone* zone, zone_of(a, 2));
  const Micros t = whole(a[0]) * 1000;
  if (a.size() < 2 || is_null(a[1])) return QueryValue(format_timestamp_millis(t, zone));
  return QueryValue(format_pattern(t, str(a[1]), zone));
}
Answer timestamp(Args a) {
  if (!is_text(a[0])) return QueryValue(whole(a[0]));
  const auto t = parse_moment(str(a[0]));
  return t ? QueryValue(*t / 1000) : QueryValue();
}

constexpr size_t kMany = 1000;
constexpr size_t kCompiles = 500;  // a pattern, for each row
constexpr size_t kReadsPeriods = 16;
const ExpressionFunctionEntry kFunctions[] = {
    {"+", 2, 2, false, add},
    {"-", 2, 2, false, subtract},
    {"*", 2, 2, false, multiply},
    {"/", 2, 2, false, divide},
    {"%", 2, 2, false, modulo},
    {"^", 2, 2, false, power},
    {"negate", 1, 1, false, negate},
    {"!", 1, 1, false, logical_not},
    {"==", 2, 2, false, [](Args a) -> Answer { return boolean(order(a) == 0); }},
    {"!=", 2, 2, false, [](Args a) -> Answer { return boolean(order(a) != 0); }},
    {"<", 2, 2, false, [](Args a) -> Answer { return boolean(order(a) < 0); }},
    {"<=", 2, 2, false, [](Args a) -> Answer { return boolean(order(a) <= 0); }},
    {">", 2, 2, false, [](Args a) -> Answer { return boolean(order(a) > 0); }},
    {">=", 2, 2, false, [](Args a) -> Answer { return boolean(order(a) >= 0); }},
    {"abs", 1, 1, false, absolute},
    {"ceil", 1, 1, false, [](Args a) -> Answer { return QueryValue(std::ceil(num(a[0]))); }},
    {"floor", 1, 1, false, [](Args a) -> Answer { return QueryValue(std::floor(num(a[0]))); }},
    {"round", 1, 2, false, rounded},
    {"sqrt", 1, 1, false, [](Args a) -> Answer { return QueryValue(std::sqrt(num(a[0]))); }},
    {"exp", 1, 1, false, [](Args a) -> Answer { return QueryValue(std::exp(num(a[0]))); }},
    {"log", 1, 1, false, [](Args a) -> Answer { return QueryValue(std::log(num(a[0]))); }},
    {"log10", 1, 1, false, [](Args a) -> Answer { return QueryValue(std::log10(num(a[0]))); }},
    {"pow", 2, 2, false, power},
    {"div", 2, 2, false, integer_divide},
    {"greatest", 1, kMany, true, [](Args a) { return extreme(a, 1); }},
    {"least", 1, kMany, true, [](Args a) { return extreme(a, -1); }},
    {"max", 2, 2, true, [](Args a) { return extreme(a, 1); }},
    {"min", 2, 2, true, [](Args a) { return extreme(a, -1); }},
    {"if", 3, 3, true, if_},
    {"nvl", 2, 2, true, coalesce},
    {"coalesce", 1, kMany, true, coalesce},
    {"case_searched", 2, kMany, true, case_searched},
    {"case_simple", 3, kMany, true, case_simple},
    {"isnull", 1, 1, true, [](Args a) -> Answer { return boolean(is_null(a[0])); }},
    {"notnull", 1, 1, true, [](Args a) -> Answer { return boolean(!is_null(a[0])); }},
    {"cast", 2, 2, false, cast},
    {"concat", 1, kMany, false, concat},
    {"upper", 1, 2, false, [](Args a) -> Answer { return QueryValue(to_upper(str(a[0]))); }},
    {"lower", 1, 2, false, [](Args a) -> Answer { return QueryValue(to_lower(str(a[0]))); }},
    {"strlen", 1, 1, false,
     [](Args a) -> Answer { return QueryValue(static_cast<int64_t>(utf16_length(str(a[0])))); }},
    {"substring", 3, 3, false, substring},
    {"strpos", 2, 2, false, strpos},
    {"replace", 3, 3, false, replace},
    {"trim", 1, 1, false, trim},
    {"like", 2, 3, false, like},
    {"regexp_like", 2, 2, false, regexp_like, kCompiles},
    {"regexp_extract", 2, 3, false, regexp_extract, kCompiles},
    {"contains_string", 2, 2, false,
     [](Args a) -> Answer { return boolean(find_text(str(a[0]), str(a[1])) != std::string::npos); }},
    {"icontains_string", 2, 2, false,
     [](Args a) -> Answer {
       return boolean(find_text(to_lower(str(a[0])), to_lower(str(a[1]))) != std::string::npos);
     }},
    {"timestamp_floor", 2, 4, true, timestamp_floor, kReadsPeriods},
    {"timestamp_shift", 3, 4, true, timestamp_shift, kReadsPeriods},
    {"timestamp_extract", 2, 3, true, timestamp_extract, kReadsPeriods},
    {"timestamp_format", 1, 3, true, timestamp_format, kReadsPeriods},
    {"timestamp", 1, 2, false, timestamp},
};

}  // namespace

const ExpressionFunctionEntry* find_expression_function(std::string_view name) {
  for (const ExpressionFunctionEntry& f : kFunctions) {
    if (f.name == name) return &f;
  }
  return nullptr;
}

Result<QueryValue> call_function(const ExpressionFunctionEntry& function, const std::vector<QueryValue>& args,
                                 QueryControl* control) {
  size_t units = function.cost;
  for (const QueryValue& arg : args) {
    if (const auto* s = std::get_if<std::string>(&arg)) units += s->size() / 64;
  }
  if (control != nullptr && !control->step(units)) return control->status();
  Answer answer = function.call(args);
  const auto* text = answer.ok() ? std::get_if<std::string>(&*answer) : nullptr;
  if (text != nullptr && text->size() > Expression::kMaxText) return too_long();
  return answer;
}

}  // namespace rideflow::rollup
