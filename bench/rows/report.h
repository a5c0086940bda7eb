// What the rows of bench/report share: options in, rows out as a table and as JSON.
//
// A row is a figure beside its limit, measured in the same run, and whether the result behind it was checked.
// A row whose check failed has no figure. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/status.h"

namespace rideflow::bench {

struct Options {
  bool smoke = false;  // tiny sizes: only the checks count
  bool spoil = false;  // the expected results are made wrong, so that every check must fail
  int repeats = 5;
  int64_t events = 2'000'000;  // of a row about ride events
  std::string root = ".";      // of the source tree: the jobs to run
  std::string work_dir = ".";  // for data on disk
  std::string rideflow;        // the executable, for rows about whole processes; empty: none
  std::string kafka;           // brokers, for rows about Kafka; empty: none
  bool curves = false;         // rows that are only compared with each other, too
};

enum class Aim : uint8_t { none, at_least, at_most };

struct Row {
  std::string name;
  double value = 0;
  std::string unit;
  double limit = 0;  // in the unit of `value`; 0: there is none
  Aim aim = Aim::none;
  double target = 0;      // of the ratio where there is a limit, else of the value
  bool absolute = false;  // the target is the value's, although there is a limit
  bool checked = false;
  std::string note;  // why a check failed, or what to know

  double ratio() const { return limit == 0 ? 0 : value / limit; }
  bool targets_ratio() const { return limit != 0 && !absolute; }
};

class Report {
 public:
  explicit Report(Options options) : options_(std::move(options)) {}
  const Options& options() const { return options_; }

  void add(Row row) { rows_.push_back(std::move(row)); }
  // A row whose result was checked by others, as `checked` says.
  void add_figure(Row row, double value, bool checked);
  void fail(const std::string& name, const Status& why);
  void skip(const std::string& name, const std::string& why);

  std::string table() const;
  std::string json() const;
  int passed() const;
  int failed() const { return static_cast<int>(rows_.size()) - passed(); }
  int skipped() const { return static_cast<int>(skipped_.size()); }

 private:
  Options options_;
  std::vector<Row> rows_;
  std::vector<std::pair<std::string, std::string>> skipped_;
};

// What a stream may stand still, whatever happens.
inline constexpr double kLongestStepMs = 10;

double median(std::vector<double> values);
double to_ms(int64_t nanos);
double per_second(int64_t events, int64_t nanos);
Row row_of(std::string name, std::string unit, Aim aim = Aim::none, double target = 0);
int64_t wall_nanos();  // never goes back
int64_t thread_cpu_nanos();
int64_t process_cpu_nanos();   // of all threads
int64_t thread_allocations();  // calls of operator new so far

}  // namespace rideflow::bench
