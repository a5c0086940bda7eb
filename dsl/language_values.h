// How values are written in a job file, for the reference page; a test reads every one of them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace rideflow {

// A duration, size or rate as text, and what it is: microseconds (and months), bytes, or a number per second.
struct LanguageValue {
  std::string_view text;
  std::string_view meaning;
  double amount = 0;
  int32_t months = 0;
};
const std::vector<LanguageValue>& duration_values();
const std::vector<LanguageValue>& size_values();
const std::vector<LanguageValue>& rate_values();
// Times that name one moment, `amount` in microseconds since 1970.
const std::vector<LanguageValue>& time_values();

// A form of expressions, and one that is true.
struct ExpressionForm {
  std::string_view form;
  std::string_view meaning;
  std::string_view example;
};
const std::vector<ExpressionForm>& expression_forms();

// A column that the engine gives.
struct EngineColumn {
  std::string_view name;
  std::string_view type;
  std::string_view where;
};
const std::vector<EngineColumn>& engine_columns();

}  // namespace rideflow
