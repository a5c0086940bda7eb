#include "dsl/foreign_words.h"

#include <span>

namespace rideflow {

namespace {

struct Advice {
  std::string_view words;  // between blanks
  std::string_view text;
};

constexpr std::string_view kClock =
    "a job does not read the clock, so that a replay gives the same rows: use the row's own time, or "
    "_timestamp, when its record was written";

constexpr Advice kNameAdvice[] = {
    {" now current_timestamp current_time current_date localtime localtimestamp sysdate systimestamp "
     "current_row_timestamp utc_timestamp ",
     kClock},
};

constexpr Advice kFunctionAdvice[] = {
    {" getdate curdate curtime today unix_timestamp proctime clock_timestamp statement_timestamp "
     "transaction_timestamp to_unix_timestamp ",
     kClock},
    {" rand random rand_integer uuid gen_random_uuid newid generate_uuid ",
     "a job throws no dice, so that a replay gives the same rows: hash64() of the row's columns spreads rows "
     "evenly"},
    {" row_number rank dense_rank percent_rank cume_dist ntile lag lead nth_value ",
     "there are no window functions over rows: a step with 'key_by', 'window' and 'aggregate' computes per "
     "key"},
    {" tumble hop session cumulate tumble_start tumble_end hop_start hop_end session_start session_end "
     "window ",
     "windows stand in the step: 'window: {tumbling: 1m}' gives window_start and window_end"},
    {" explode unnest flatten json_each json_table jsonb_array_elements mv_to_array ",
     "a row gives one row here: take a list apart before, or read single values by json_value(text, "
     "'$.a[0]')"},
    {" isnull is_null ", "write x is null"},
    {" isnotnull is_not_null notnull ", "write x is not null"},
    {" ilike ", "write lower(x) like 'a%'"},
    {" decode choose ", "write case x when 1 then 'a' else 'b' end"},
    {" convert parse_long to_number toint tofloat safe_cast numeric ",
     "write cast(x as int64), or try_cast for null where it fails"},
    {" to_json tojson json_object to_json_string parse_json ",
     "sinks write JSON themselves: select the columns"},
    {" square ", "write x * x"},
    {" log ", "write ln(x) or log10(x)"},
    {" log2 ", "write ln(x) / ln(2)"},
    {" cbrt ", "write power(x, 1.0 / 3)"},
    {" sin cos tan asin acos atan atan2 radians degrees pi ",
     "there is no trigonometry; distance_km() and grid_cell() are there for places"},
    {" epoch extract_epoch to_epoch unix_millis unix_micros timestamp_to_millis ",
     "write extract(epoch from t): seconds since 1970"},
    {" initcap soundex translate ",
     "there is nothing like it: upper(), lower(), replace() and regexp_replace() are there"},
};

constexpr Advice kOperatorAdvice[] = {
    {" ilike ", "write lower(x) like 'a%'"},
    {" !~ ", "write not regexp_like(x, 'pattern')"},
    {" <=> ", "write a is not distinct from b"},
    {" rlike regexp similar ~ glob ", "write regexp_like(x, 'pattern')"},
    {" as ", "a name stands before its expression: 'name: expression'"},
    {" at ", "write at_timezone(t, 'Europe/Paris')"},
    {" over ",
     "there are no window functions over rows: a step with 'key_by', 'window' and 'aggregate' computes per "
     "key"},
    {" div ", "write a / b, which cuts the fraction off when both are whole numbers"},
    {" mod ", "write a % b"},
    {" xor ", "write a <> b"},
    {" isnull ", "write x is null"},
    {" notnull ", "write x is not null"},
    {" ^ ** ", "write power(x, y)"},
    {" & | << >> # ", "there are no operators over bits"},
    {" ; ", "an expression ends without it"},
    {" [ ",
     "there is no way to the items of a list here: json_value(text, '$.a[0]') takes one of a JSON text"},
    {" -> ->> ", "write json_value(text, '$.a.b')"},
    {" ? ", "write case when a then b else c end"},
    {" @ $ ", "a column's name stands alone, or in `backticks`"},
    {" collate ", "texts compare by their bytes: lower() both sides to ignore case"},
    {" group order limit ", "a step has clauses for that: 'key_by', 'window' and 'aggregate'"},
};

std::string_view find_advice(std::span<const Advice> table, std::string_view word) {
  for (const Advice& advice : table) {
    for (size_t at = advice.words.find(word); !word.empty() && at != std::string_view::npos;
         at = advice.words.find(word, at + 1)) {
      if (advice.words[at - 1] == ' ' && advice.words[at + word.size()] == ' ') return advice.text;
    }
  }
  return {};
}

}  // namespace

std::string_view advice_on_name(std::string_view word) {
  return find_advice(kNameAdvice, word);
}

std::string_view advice_on_function(std::string_view word) {
  const std::string_view advice = find_advice(kNameAdvice, word);
  return advice.empty() ? find_advice(kFunctionAdvice, word) : advice;
}

std::string_view advice_on_operator(std::string_view word) {
  return find_advice(kOperatorAdvice, word);
}

}  // namespace rideflow
