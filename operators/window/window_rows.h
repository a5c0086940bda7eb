// WindowRows: what a window's rows hold in front of their accumulators, and how whole rows are merged.
//
//   sliding windows   int64: how many rows are behind this one, so that it is known to be empty
//   with revisions    Given: how often the (key, window) was given; its window's end tells windows apart
//   global windows    and behind that Micros: the largest event time of the key, that of its last result
//
// Nothing here costs a call: all of it is inlined into loops over rows.
#pragma once

#include <cstring>
#include <memory>
#include <utility>

#include "engine/row_layout.h"
#include "operators/window/window_plan.h"

namespace rideflow {

class WindowRows {
 public:
  struct Given {
    Micros end;
    int64_t count;
  };

  WindowRows(const WindowPlan& plan, std::shared_ptr<const RowLayout> layout)
      : layout_(std::move(layout)),
        counts_rows_(plan.mode == WindowPlan::Mode::sliding),
        keeps_time_(plan.global()) {}

  static int extra_bytes(const WindowPlan& plan) {
    if (plan.global()) return static_cast<int>(kLastTime + sizeof(Micros));
    if (plan.mode == WindowPlan::Mode::sliding) return static_cast<int>(sizeof(int64_t));
    return plan.revisions && !plan.hopping() ? static_cast<int>(sizeof(Given)) : 0;
  }

  const RowLayout& layout() const { return *layout_; }
  bool keeps_time() const { return keeps_time_; }

  void merge(std::byte* into, const std::byte* from) const {
    layout_->merge(into, from);
    if (counts_rows_) add_rows(into, rows_behind(from));
    if (keeps_time_) note_time(into, last_time(from));
  }
  // REQUIRES: sliding windows.
  void subtract(std::byte* into, const std::byte* from) const {
    layout_->subtract(into, from);
    add_rows(into, -rows_behind(from));
  }
  // All that was added has been taken back.
  bool empty(const std::byte* row) const { return counts_rows_ && rows_behind(row) == 0; }

  static void add_rows(std::byte* row, int64_t n) { write(row, 0, rows_behind(row) + n); }
  static Micros last_time(const std::byte* row) { return read<Micros>(row, kLastTime); }
  static void note_time(std::byte* row, Micros time) {
    const Micros last = last_time(row);
    if (last == 0 || last < time) write(row, kLastTime, time);  // 0: new
  }
  // The number of the result about to be given.
  static int64_t next_revision(std::byte* row, const TimeRange& window) {
    Given given = read<Given>(row, 0);
    if (given.end != window.end) given = {window.end, 0};
    const int64_t revision = given.count++;
    write(row, 0, given);
    return revision;
  }

 private:
  static constexpr size_t kLastTime = sizeof(Given);

  static int64_t rows_behind(const std::byte* row) { return read<int64_t>(row, 0); }
  template <class T>
  static T read(const std::byte* row, size_t at) {
    T value;
    std::memcpy(&value, row + at, sizeof(value));
    return value;
  }
  template <class T>
  static void write(std::byte* row, size_t at, T value) {
    std::memcpy(row + at, &value, sizeof(value));
  }

  std::shared_ptr<const RowLayout> layout_;
  bool counts_rows_;
  bool keeps_time_;
};

}  // namespace rideflow
