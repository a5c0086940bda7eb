#include "engine/quantile_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/byte_codec.h"

namespace rideflow {

namespace {

// The cubic of DDSketch's mapping: f(0) = 0, f(1) = 1, its slope never below 0.99 of log2's, so that 70
// buckets per octave keep (1 + 0.005) / (1 - 0.005) as the widest ratio of a bucket's ends.
constexpr double kA = 6.0 / 35, kB = -3.0 / 5, kC = 10.0 / 7;
constexpr int kBucketsPerOctave = 70;
constexpr int32_t kLowestExponent = -1075;
// Positive values have the buckets 1 to kLast, negative ones mirrored; these lie outside.
constexpr int32_t kLast = (1024 - kLowestExponent) * kBucketsPerOctave;
constexpr int32_t kInfinity = kLast + 1;
constexpr int32_t kNan = kLast + 2;

double cubic(double s) {
  return ((kA * s + kB) * s + kC) * s;
}

// The s in [0, 1] with cubic(s) = y, by bisection: plain arithmetic, the same on every machine.
double cubic_inverse(double y) {
  double low = 0;
  double high = 1;
  for (int i = 0; i < 54; ++i) {
    const double middle = (low + high) / 2;
    (cubic(middle) < y ? low : high) = middle;
  }
  return high;
}

// The lower end of a positive bucket.
double lower_end(int32_t bucket) {
  const int32_t step = bucket - 1;
  const int exponent = step / kBucketsPerOctave + kLowestExponent;
  const double y = static_cast<double>(step % kBucketsPerOctave) / kBucketsPerOctave;
  return std::ldexp(1 + cubic_inverse(y), exponent);
}

// NaN after everything, as the language orders; -0 is 0.
bool value_less(double a, double b) {
  if (std::isnan(a)) return false;
  return std::isnan(b) || a < b;
}

double canonical(double x) {
  return std::isnan(x) ? std::numeric_limits<double>::quiet_NaN() : x + 0.0;
}

int64_t rank_of(double fraction, int64_t count) {
  // 0.07 * 100 is a little more than 7: the factor keeps such products from the next rank.
  const double rank = std::ceil(fraction * static_cast<double>(count) * (1 - 1e-15));
  return std::clamp(static_cast<int64_t>(rank), int64_t{1}, count);
}

}  // namespace

int32_t QuantileSketch::bucket_of(double x) {
  if (x == 0) return 0;
  if (std::isnan(x)) return kNan;
  if (std::isinf(x)) return x > 0 ? kInfinity : -kInfinity;
  int exponent = 0;
  const double s = 2 * std::frexp(std::fabs(x), &exponent) - 1;  // |x| = (1 + s) * 2^(exponent - 1)
  const int within = std::min(static_cast<int>(cubic(s) * kBucketsPerOctave), kBucketsPerOctave - 1);
  const int32_t bucket = (exponent - 1 - kLowestExponent) * kBucketsPerOctave + within + 1;
  return x > 0 ? bucket : -bucket;
}

double QuantileSketch::bucket_value(int32_t bucket) {
  if (bucket == 0) return 0;
  if (bucket == kNan) return std::numeric_limits<double>::quiet_NaN();
  const double sign = bucket > 0 ? 1 : -1;
  const int32_t positive = std::abs(bucket);
  if (positive == kInfinity) return sign * std::numeric_limits<double>::infinity();
  const double low = lower_end(positive);
  const double high = positive == kLast ? std::numeric_limits<double>::max() : lower_end(positive + 1);
  // The harmonic mean is equally far from both ends, as a part of each. Written so that nothing overflows.
  const double share = 2 / (low / high + 1);
  return sign * (share * low);
}

QuantileSketch::Chunk& QuantileSketch::Rep::chunk(int32_t base) {
  auto it = std::lower_bound(chunks.begin(), chunks.end(), base,
                             [](const Chunk& c, int32_t b) { return c.base < b; });
  if (it == chunks.end() || it->base != base) {
    it = chunks.insert(it, Chunk{});
    it->base = base;
  }
  return *it;
}

void QuantileSketch::Rep::add_to_bucket(int32_t bucket, int64_t n) {
  const int32_t base = bucket >> 5;
  static_assert(kChunkBuckets == 1 << 5);
  chunk(base).counts[static_cast<size_t>(bucket & (kChunkBuckets - 1))] += n;
}

void QuantileSketch::Rep::leave_exactness() {
  exact = false;
  for (const double x : values) add_to_bucket(bucket_of(x), 1);
  values = {};
}

void QuantileSketch::add(double x) {
  Rep& rep = rep_.edit();
  ++rep.count;
  if (rep.exact) {
    rep.values.push_back(canonical(x));
    if (rep.count > kExactValues) rep.leave_exactness();
    return;
  }
  rep.add_to_bucket(bucket_of(x), 1);
}

void QuantileSketch::merge(const QuantileSketch& o) {
  if (o.count() == 0) return;
  if (count() == 0) {
    rep_ = o.rep_;
    return;
  }
  const CowRef<Rep> keep = o.rep_;  // this and o may be one object
  const Rep& other = *keep;
  Rep& rep = rep_.edit();
  rep.count += other.count;
  if (rep.exact && (!other.exact || rep.count > kExactValues)) rep.leave_exactness();
  if (rep.exact) {
    rep.values.insert(rep.values.end(), other.values.begin(), other.values.end());
    return;
  }
  for (const double x : other.values) rep.add_to_bucket(bucket_of(x), 1);
  for (const Chunk& from : other.chunks) {
    Chunk& into = rep.chunk(from.base);
    for (size_t i = 0; i < from.counts.size(); ++i) into.counts[i] += from.counts[i];
  }
}

void QuantileSketch::subtract(const QuantileSketch& o) {
  if (o.count() == 0) return;
  const CowRef<Rep> keep = o.rep_;
  const Rep& other = *keep;
  Rep& rep = rep_.edit();
  rep.count -= other.count;
  if (rep.exact) {
    std::vector<double> minus = other.values;
    std::sort(minus.begin(), minus.end(), value_less);
    std::sort(rep.values.begin(), rep.values.end(), value_less);
    std::vector<double> left;
    std::set_difference(rep.values.begin(), rep.values.end(), minus.begin(), minus.end(),
                        std::back_inserter(left), value_less);
    rep.values = std::move(left);
    rep.count = static_cast<int64_t>(rep.values.size());
    return;
  }
  for (const double x : other.values) rep.add_to_bucket(bucket_of(x), -1);
  for (const Chunk& from : other.chunks) {
    Chunk& into = rep.chunk(from.base);
    for (size_t i = 0; i < from.counts.size(); ++i) into.counts[i] -= from.counts[i];
  }
}

std::optional<double> QuantileSketch::quantile(double fraction) const {
  const std::vector<double> values = quantiles({fraction});
  if (values.empty()) return std::nullopt;
  return values[0];
}

std::vector<double> QuantileSketch::quantiles(const std::vector<double>& fractions) const {
  if (count() <= 0) return {};
  std::vector<double> results;
  if (rep_->exact) {
    std::vector<double> sorted = rep_->values;
    std::sort(sorted.begin(), sorted.end(), value_less);
    for (const double f : fractions) results.push_back(sorted[static_cast<size_t>(rank_of(f, count()) - 1)]);
    return results;
  }
  for (const double f : fractions) {
    int64_t left = rank_of(f, count());
    int32_t bucket = kNan;
    for (const Chunk& c : rep_->chunks) {
      size_t i = 0;
      while (i < c.counts.size() && left > c.counts[i]) left -= c.counts[i++];
      if (i < c.counts.size()) {
        bucket = c.base * kChunkBuckets + static_cast<int32_t>(i);
        break;
      }
    }
    results.push_back(bucket_value(bucket));
  }
  return results;
}

void QuantileSketch::encode(std::string& out) const {
  append_varint(out, count() == 0 ? 0 : rep_->exact ? 1 : 2);
  if (count() == 0) return;
  if (rep_->exact) {
    std::vector<double> sorted = rep_->values;
    std::sort(sorted.begin(), sorted.end(), value_less);
    append_varint(out, sorted.size());
    for (const double x : sorted) append_fixed(out, x);
    return;
  }
  size_t used = 0;
  for (const Chunk& c : rep_->chunks) {
    used += c.counts.size() - static_cast<size_t>(std::count(c.counts.begin(), c.counts.end(), 0));
  }
  append_varint(out, used);
  int64_t previous = -kNan;
  for (const Chunk& c : rep_->chunks) {
    for (size_t i = 0; i < c.counts.size(); ++i) {
      if (c.counts[i] == 0) continue;
      const int64_t bucket = int64_t{c.base} * kChunkBuckets + static_cast<int64_t>(i);
      append_varint(out, static_cast<uint64_t>(bucket - previous));
      append_varint(out, static_cast<uint64_t>(c.counts[i]));
      previous = bucket;
    }
  }
}

Status QuantileSketch::decode(std::string_view bytes) {
  rep_.reset();
  const Status bad(Code::data_loss, Blame::external, Retry::no,
                   "The bytes are not an encoded quantile sketch.");
  ByteReader in(bytes);
  const uint64_t form = in.varint();
  if (form == 0) return in.complete() ? Status() : bad;
  if (!in.ok() || form > 2) return bad;
  const uint64_t n = in.varint();
  CowRef<Rep> made;
  Rep& rep = made.edit();
  if (form == 1) {
    if (n == 0 || n > kExactValues || in.left() != n * sizeof(double)) return bad;
    for (uint64_t i = 0; i < n; ++i) {
      const double x = in.get<double>();
      if (i > 0 && value_less(x, rep.values.back())) return bad;
      rep.values.push_back(canonical(x));
    }
    rep.count = static_cast<int64_t>(n);
    rep_ = std::move(made);
    return {};
  }
  rep.exact = false;
  if (n == 0 || n > in.left()) return bad;
  int64_t bucket = -kNan;
  for (uint64_t i = 0; i < n; ++i) {
    const uint64_t gap = in.varint();
    const uint64_t times = in.varint();
    if (!in.ok() || gap == 0 || gap > 2 * uint64_t{kNan} || times == 0 || times > ByteReader::kMostCounted)
      return bad;
    bucket += static_cast<int64_t>(gap);
    rep.count += static_cast<int64_t>(times);
    if (bucket > kNan || rep.count > ByteReader::kMostCounted) return bad;
    rep.add_to_bucket(static_cast<int32_t>(bucket), static_cast<int64_t>(times));
  }
  if (!in.complete()) return bad;
  rep_ = std::move(made);
  return {};
}

size_t QuantileSketch::bytes() const {
  if (!rep_) return 0;
  return sizeof(Rep) + rep_->values.capacity() * sizeof(double) + rep_->chunks.capacity() * sizeof(Chunk);
}

}  // namespace rideflow
