#include "operators/record_text.h"

#include <immintrin.h>
#include <simdjson.h>

#include <algorithm>
#include <string>

namespace rideflow {
namespace {

bool lies_in(std::string_view s, const BufferRef& arena) {
  const auto begin = reinterpret_cast<uintptr_t>(arena.data());
  const auto at = reinterpret_cast<uintptr_t>(s.data());
  return at >= begin && at + s.size() <= begin + arena.size();
}

}  // namespace

bool is_valid_record_text(std::string_view s) {
  __m128i bits = _mm_setzero_si128();
  size_t i = 0;
  for (; i + 16 <= s.size(); i += 16) {
    bits = _mm_or_si128(bits, _mm_loadu_si128(reinterpret_cast<const __m128i*>(s.data() + i)));
  }
  int high = _mm_movemask_epi8(bits);
  if (const size_t rest = s.size() - i; rest > 0) {
    const __m128i last = _mm_loadu_si128(reinterpret_cast<const __m128i*>(s.data() + i));
    high |= _mm_movemask_epi8(last) & ((1 << rest) - 1);
  }
  return high == 0 || is_utf8(s);
}

bool is_utf8(std::string_view s) {
  return simdjson::validate_utf8(s.data(), s.size());
}

std::shared_ptr<const Origin> with_arena(const std::shared_ptr<const Origin>& chunk) {
  // Decoders may look at what is behind a record's text, so one without a value needs a place too.
  const auto inside = [&](const RecordOrigin& r) {
    return lies_in(r.payload, chunk->arena) || (r.payload.empty() && r.payload.data() != nullptr);
  };
  if (std::all_of(chunk->records.begin(), chunk->records.end(), inside)) return chunk;
  std::string bytes;
  for (const RecordOrigin& r : chunk->records) bytes += r.payload;
  if (bytes.empty()) bytes = "\n";
  auto copy = std::make_shared<Origin>(*chunk);
  copy->arena = BufferRef::copy_of(bytes);
  size_t at = 0;
  for (RecordOrigin& r : copy->records) {
    const size_t size = r.payload.size();
    r.payload = copy->arena.view().substr(at, size);
    at += size;
  }
  return copy;
}

}  // namespace rideflow
