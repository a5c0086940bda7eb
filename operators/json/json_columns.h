// Columns from the marks of their values, many rows at a time.
//
// Each function converts rows from the first on until one is not of the plain kind that most are: a null, an
// escape, a long number, a time of another minute. It answers how many; the caller converts that row by
// itself. What is converted is, bit by bit, what operators/text_values.h makes of it. Any thread.
// REQUIRES: marks of values of valid records in padded memory (engine/buffer.h).
#pragma once

#include <cstddef>

#include "operators/json/json_mark.h"
#include "operators/text_values.h"

namespace rideflow {

struct JsonColumnKernels {
  // Views into buffer 0, which begins at `base`.
  size_t (*texts)(const JsonMark* marks, size_t rows, const char* base, StringView* to);
  size_t (*numbers)(const JsonMark* marks, size_t rows, double* to);
  // Times of milliseconds in one of the two minutes.
  size_t (*times)(const JsonMark* marks, size_t rows, const TimestampReader::Minute* minutes, Micros* to);
};

extern const JsonColumnKernels kPortableColumnKernels;
// The best for this CPU.
const JsonColumnKernels& json_column_kernels();

}  // namespace rideflow
