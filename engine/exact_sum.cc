#include "engine/exact_sum.h"

#include <bit>
#include <limits>

#include "engine/byte_codec.h"

namespace rideflow {

namespace {

constexpr uint64_t kFraction = (uint64_t{1} << 52) - 1;
constexpr int kSmallestExponent = -1074;

enum Tag : char { kZero = 0, kOne = 1, kTwo = 2, kWide = 3 };

// words += (or -=) value << shift, in two's complement.
void add_shifted(std::array<uint64_t, WideSum::kWords>& words, uint64_t value, int shift, bool minus) {
  size_t at = static_cast<size_t>(shift / 64);
  const int bit = shift % 64;
  const uint64_t parts[2] = {value << bit, bit == 0 ? 0 : value >> (64 - bit)};
  uint64_t carry = 0;
  for (size_t i = 0; at < words.size() && (i < 2 || carry != 0); ++i, ++at) {
    const uint64_t part = i < 2 ? parts[i] : 0;
    const uint64_t old = words[at];
    const uint64_t next = minus ? old - part - carry : old + part + carry;
    carry = minus ? (old < part || (carry != 0 && old == part) ? 1 : 0)
                  : (next < old || (carry != 0 && next == old) ? 1 : 0);
    words[at] = next;
  }
}

void negate(std::array<uint64_t, WideSum::kWords>& words) {
  uint64_t carry = 1;
  for (uint64_t& w : words) {
    w = ~w + carry;
    carry = carry != 0 && w == 0 ? 1 : 0;
  }
}

}  // namespace

void WideSum::add(double x, int64_t times) {
  const auto bits = std::bit_cast<uint64_t>(x);
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  const uint64_t fraction = bits & kFraction;
  if (exponent == 0x7ff) {
    (fraction != 0 ? nan : (bits >> 63) != 0 ? negative_infinity : positive_infinity) += times;
    return;
  }
  const uint64_t mantissa = exponent == 0 ? fraction : fraction | (kFraction + 1);
  const bool minus = ((bits >> 63) != 0) != (times < 0);
  if (mantissa != 0) add_shifted(words, mantissa, exponent == 0 ? 0 : exponent - 1, minus);
}

void WideSum::add(const WideSum& o) {
  uint64_t carry = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    const uint64_t old = words[i];
    words[i] = old + o.words[i] + carry;
    carry = words[i] < old || (carry != 0 && words[i] == old) ? 1 : 0;
  }
  nan += o.nan;
  positive_infinity += o.positive_infinity;
  negative_infinity += o.negative_infinity;
}

void WideSum::subtract(const WideSum& o) {
  WideSum minus = o;
  negate(minus.words);
  minus.nan = -o.nan;
  minus.positive_infinity = -o.positive_infinity;
  minus.negative_infinity = -o.negative_infinity;
  add(minus);
}

bool WideSum::is_zero() const {
  for (const uint64_t w : words) {
    if (w != 0) return false;
  }
  return true;
}

double WideSum::rounded() const {
  std::array<uint64_t, kWords> magnitude = words;
  if (negative()) negate(magnitude);
  size_t top = magnitude.size();
  while (top > 0 && magnitude[top - 1] == 0) --top;
  if (top == 0) return 0;
  const int last = static_cast<int>(top) * 64 - 1 - std::countl_zero(magnitude[top - 1]);
  const double sign = negative() ? -1 : 1;
  if (last <= 52) return sign * std::ldexp(static_cast<double>(magnitude[0]), kSmallestExponent);

  const int shift = last - 52;
  const size_t word = static_cast<size_t>(shift / 64);
  const int bit = shift % 64;
  uint64_t mantissa = magnitude[word] >> bit;
  if (bit > 11) mantissa |= magnitude[word + 1] << (64 - bit);
  mantissa &= 2 * kFraction + 1;
  const int half = shift - 1;
  const size_t half_word = static_cast<size_t>(half / 64);
  const bool round = ((magnitude[half_word] >> (half % 64)) & 1) != 0;
  bool sticky = (magnitude[half_word] & ((uint64_t{1} << (half % 64)) - 1)) != 0;
  for (size_t i = 0; i < half_word && !sticky; ++i) sticky = magnitude[i] != 0;
  if (round && (sticky || (mantissa & 1) != 0)) ++mantissa;
  return sign * std::ldexp(static_cast<double>(mantissa), shift + kSmallestExponent);
}

void ExactSum::add_slow(double x) {
  WideSum& wide = wide_.edit();
  if (!std::isfinite(x)) {
    wide.add(x);
    return;
  }
  wide.add(hi_);
  wide.add(lo_);
  hi_ = x;
  lo_ = 0;
}

void ExactSum::merge(const ExactSum& o) {
  if (o.wide_) {
    const CowRef<WideSum> other = o.wide_;  // this and o may be one object
    wide_.edit().add(*other);
  }
  const double lo = o.lo_;
  add(o.hi_);
  add(lo);
}

void ExactSum::subtract(const ExactSum& o) {
  if (o.wide_) {
    const CowRef<WideSum> other = o.wide_;
    wide_.edit().subtract(*other);
  }
  const double lo = o.lo_;
  add(-o.hi_);
  add(-lo);
}

WideSum ExactSum::total() const {
  WideSum sum = *wide_;
  sum.add(hi_);
  sum.add(lo_);
  return sum;
}

double ExactSum::special(double finite) const {
  if (!has_special()) return finite;
  if (wide_->nan != 0 || (wide_->positive_infinity != 0 && wide_->negative_infinity != 0)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double infinity = std::numeric_limits<double>::infinity();
  return wide_->positive_infinity != 0 ? infinity : -infinity;
}

double ExactSum::value() const {
  return wide_ ? special(total().rounded()) : hi_;
}

bool ExactSum::overflows() const {
  return wide_ && !has_special() && std::isinf(total().rounded());
}

ExactSum::Pair ExactSum::pair() const {
  if (!wide_) return {hi_, lo_};
  WideSum sum = total();
  const double hi = special(sum.rounded());
  if (!std::isfinite(hi)) return {hi, 0};
  sum.add(hi, -1);
  return {hi, sum.rounded()};
}

void ExactSum::encode(std::string& out) const {
  const Pair p = pair();
  WideSum sum;
  bool fits = !wide_;
  if (wide_) {
    sum = total();
    WideSum rest = sum;
    if (std::isfinite(p.hi)) {
      rest.add(p.hi, -1);
      rest.add(p.lo, -1);
      fits = !has_special() && rest.is_zero();
    }
  }
  if (fits) {
    const Tag tag = p.lo != 0 ? kTwo : p.hi != 0 ? kOne : kZero;
    out.push_back(tag);
    if (tag != kZero) append_fixed(out, p.hi);
    if (tag == kTwo) append_fixed(out, p.lo);
    return;
  }
  // Low words that are 0 and high words that only repeat the sign are left out.
  const uint64_t fill = sum.negative() ? ~uint64_t{0} : 0;
  size_t begin = 0;
  size_t end = sum.words.size();
  while (begin < end && sum.words[begin] == 0) ++begin;
  while (end > begin + 1 && sum.words[end - 1] == fill && (sum.words[end - 2] >> 63) == (fill & 1)) --end;
  out.push_back(kWide);
  append_varint(out, zigzag(sum.nan));
  append_varint(out, zigzag(sum.positive_infinity));
  append_varint(out, zigzag(sum.negative_infinity));
  append_varint(out, begin);
  append_varint(out, end - begin);
  for (size_t i = begin; i < end; ++i) append_fixed(out, sum.words[i]);
}

Status ExactSum::decode(std::string_view bytes) {
  *this = ExactSum();
  const Status bad(Code::data_loss, Blame::external, Retry::no, "The bytes are not an encoded sum.");
  ByteReader in(bytes);
  const char tag = in.get<char>();
  if (!in.ok() || tag < kZero || tag > kWide) return bad;
  if (tag != kWide) {
    const double hi = tag == kZero ? 0 : in.get<double>();
    const double lo = tag == kTwo ? in.get<double>() : 0;
    if (!in.complete() || !std::isfinite(hi) || !std::isfinite(lo) || hi + lo != hi) return bad;
    hi_ = hi;
    lo_ = lo;
    return {};
  }
  WideSum sum;
  sum.nan = in.count();
  sum.positive_infinity = in.count();
  sum.negative_infinity = in.count();
  const uint64_t begin = in.varint();
  const uint64_t n = in.varint();
  if (!in.ok() || begin > sum.words.size() || n > sum.words.size() - begin || in.left() != n * 8) return bad;
  for (uint64_t i = begin; i < begin + n; ++i) sum.words[i] = in.get<uint64_t>();
  if (n > 0 && (sum.words[begin + n - 1] >> 63) != 0) {
    for (size_t i = begin + n; i < sum.words.size(); ++i) sum.words[i] = ~uint64_t{0};
  }
  wide_.edit() = sum;
  return {};
}

}  // namespace rideflow
