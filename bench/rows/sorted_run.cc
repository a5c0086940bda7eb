#include "bench/rows/sorted_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "bench/rows/report.h"
#include "engine/hash.h"

namespace rideflow::bench {
namespace {

Status failed(const char* what, const std::string& path) {
  return Status::external(Code::unavailable, fmt::format("could not {} '{}'", what, path));
}

Status write_all(const std::string& path, const std::vector<uint64_t>& words) {
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return failed("make", path);
  const auto* bytes = reinterpret_cast<const char*>(words.data());
  size_t left = words.size() * sizeof(uint64_t);
  bool good = true;
  while (good && left > 0) {
    const ssize_t n = ::write(file, bytes, std::min<size_t>(left, 1 << 20));
    good = n > 0;
    if (good) bytes += n, left -= static_cast<size_t>(n);
  }
  good = good && ::fsync(file) == 0;
  ::close(file);
  return good ? Status() : failed("write", path);
}

Status read_all(const std::string& path, std::vector<uint64_t>& words) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return failed("open", path);
  auto* bytes = reinterpret_cast<char*>(words.data());
  size_t left = words.size() * sizeof(uint64_t);
  while (left > 0) {
    const ssize_t n = ::read(file, bytes, std::min<size_t>(left, 1 << 20));
    if (n <= 0) break;
    bytes += n, left -= static_cast<size_t>(n);
  }
  ::close(file);
  return left == 0 ? Status() : failed("read", path);
}

// Records lie one behind the other, a key and then its value.
std::vector<uint64_t> sorted(const std::vector<uint64_t>& rows, size_t record) {
  std::vector<std::pair<uint64_t, uint32_t>> index;
  for (size_t i = 0; i < rows.size(); i += record)
    index.emplace_back(__builtin_bswap64(rows[i]), static_cast<uint32_t>(i / record));
  std::sort(index.begin(), index.end());
  std::vector<uint64_t> run(rows.size());
  for (size_t i = 0; i < index.size(); ++i)
    std::memcpy(&run[i * record], &rows[index[i].second * record], record * sizeof(uint64_t));
  return run;
}

// Into a table of open addressing. Answers how many there are.
int64_t insert_all(const std::vector<uint64_t>& run, size_t record) {
  const size_t slots = std::bit_ceil(run.size() / record * 2);
  std::vector<uint64_t> table(slots * record);
  int64_t inserted = 0;
  for (size_t i = 0; i < run.size(); i += record) {
    size_t at = mix64(run[i]) & (slots - 1);
    while (table[at * record] != 0 && table[at * record] != run[i]) at = (at + 1) & (slots - 1);
    inserted += table[at * record] == 0 ? 1 : 0;
    std::memcpy(&table[at * record], &run[i], record * sizeof(uint64_t));
  }
  return inserted;
}

}  // namespace

Result<SortedRun> sorted_run(const std::string& path, int64_t keys, int64_t value_bytes) {
  const size_t record = 1 + static_cast<size_t>(value_bytes) / sizeof(uint64_t);
  std::vector<uint64_t> rows(static_cast<size_t>(keys) * record);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = mix64(i + 1) | 1;
  SortedRun times;
  int64_t begin = wall_nanos();
  RF_TRY(write_all(path, sorted(rows, record)));
  times.write_nanos = wall_nanos() - begin;

  begin = wall_nanos();
  std::vector<uint64_t> run(rows.size());
  RF_TRY(read_all(path, run));
  const int64_t inserted = insert_all(run, record);
  times.read_nanos = wall_nanos() - begin;
  if (inserted != keys) return Status::internal("the plain loop did not read back what it wrote");
  return times;
}

}  // namespace rideflow::bench
