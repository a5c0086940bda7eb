// For json_columns.cc, behind a CPU check.
#pragma once

#include "operators/json/json_columns.h"

namespace rideflow {

size_t texts_v3(const JsonMark* marks, size_t rows, const char* base, StringView* to);
size_t numbers_v3(const JsonMark* marks, size_t rows, double* to);
size_t times_v3(const JsonMark* marks, size_t rows, const TimestampReader::Minute* minutes, Micros* to);

}  // namespace rideflow
