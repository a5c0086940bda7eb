#include "bench/rows/druid_answer.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <limits>

namespace rideflow::bench {

double answer_number(const QueryAnswer& answer, const std::string& field) {
  const std::string key = "\"" + field + "\":";
  size_t at = answer.status == 200 ? answer.body.find(key) : std::string::npos;
  if (at == std::string::npos) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (; at != std::string::npos; at = answer.body.find(key, at + key.size())) {
    sum += std::strtod(answer.body.c_str() + at + key.size(), nullptr);
  }
  return sum;
}

std::string answer_difference(const QueryAnswer& answer, const std::string& field, double expected) {
  const double got = answer_number(answer, field);
  if (std::fabs(got - expected) <= 1e-9 * std::max(1.0, std::fabs(expected))) return {};
  if (std::isnan(got)) return fmt::format("no '{}' in the answer {} {}", field, answer.status, answer.body);
  return fmt::format("{} is {}, expected {}", field, got, expected);
}

std::string sum_query(const std::string& datasource, const std::vector<std::string>& metrics) {
  std::string sums;
  for (const std::string& metric : metrics) {
    sums += fmt::format(R"({}{{"type":"doubleSum","name":"{}","fieldName":"{}"}})", sums.empty() ? "" : ",",
                        metric, metric);
  }
  return fmt::format(R"({{"queryType":"timeseries","dataSource":"{}","granularity":"all",)"
                     R"("intervals":["2000-01-01/2100-01-01"],"aggregations":[{}]}})",
                     datasource, sums);
}

}  // namespace rideflow::bench
