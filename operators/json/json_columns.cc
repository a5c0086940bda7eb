#include "operators/json/json_columns.h"

#include "engine/cpu.h"
#include "operators/json/json_columns_v3.h"
#include "operators/json/json_scan.h"

namespace rideflow {
namespace {

size_t texts(const JsonMark* marks, size_t rows, const char* base, StringView* to) {
  size_t i = 0;
  for (; i < rows && marks[i].kind == JsonMark::Kind::text; ++i) to[i] = padded_view(marks[i].text(), base);
  return i;
}

bool read_number(const JsonMark& mark, double& to) {
  if (mark.kind != JsonMark::Kind::bare) return false;
  NumberText number;
  const char* const end = mark.begin + mark.size;
  return scan_number_padded(mark.begin, end, number) == end && to_double(number, mark.text(), to);
}

size_t numbers(const JsonMark* marks, size_t rows, double* to) {
  size_t i = 0;
  while (i < rows && read_number(marks[i], to[i])) ++i;
  return i;
}

size_t times(const JsonMark* marks, size_t rows, const TimestampReader::Minute* minutes, Micros* to) {
  size_t i = 0;
  while (i < rows && marks[i].kind == JsonMark::Kind::text &&
         TimestampReader::read_millis(marks[i].text(), minutes, to[i])) {
    ++i;
  }
  return i;
}

}  // namespace

const JsonColumnKernels kPortableColumnKernels{texts, numbers, times};

const JsonColumnKernels& json_column_kernels() {
  static const JsonColumnKernels v3{texts_v3, numbers_v3, times_v3};
  return cpu_has_v3() ? v3 : kPortableColumnKernels;
}

}  // namespace rideflow
