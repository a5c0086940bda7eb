#include "engine/distinct_sketch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/byte_codec.h"

namespace rideflow {

namespace {

constexpr int kSparseBits = 26;              // of the hash, kept in a sparse entry
constexpr int kTailBits = 64 - kSparseBits;  // whose leading zeros are its rank
constexpr int kMiddleBits = kSparseBits - DistinctSketch::kPrecision;
constexpr int kMaxRank = 64 - DistinctSketch::kPrecision + 1;

uint32_t entry_of(uint64_t hash) {
  const auto index = static_cast<uint32_t>(hash >> kTailBits);
  const uint64_t tail = hash << kSparseBits;
  const int rank = tail == 0 ? kTailBits + 1 : std::countl_zero(tail) + 1;
  return index << 6 | static_cast<uint32_t>(rank);
}

bool valid_entry(uint32_t entry) {
  const uint32_t rank = entry & 63;
  return rank >= 1 && rank <= kTailBits + 1;
}

size_t slot_of(uint32_t entry, size_t mask) {
  return static_cast<size_t>(entry * 0x9e3779b1U >> 12) & mask;
}

// Ertl's two series; square roots are exact to the last bit everywhere.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1;
  double z = x;
  for (double before = -1; z != before;) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  for (double before = -1; z != before;) {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

enum Form : char { kEmpty = 0, kSparse = 1, kDense = 2 };

}  // namespace

uint64_t distinct_hash(double v) {
  if (std::isnan(v)) v = std::numeric_limits<double>::quiet_NaN();
  return mix64(std::bit_cast<uint64_t>(v + 0.0) + 0x2545f4914f6cdd1dULL);
}

void DistinctSketch::Rep::insert(uint32_t entry) {
  if (slots.empty()) slots.resize(8);
  const size_t mask = slots.size() - 1;
  size_t at = slot_of(entry, mask);
  while (slots[at] != 0) {
    if (slots[at] == entry) return;
    at = (at + 1) & mask;
  }
  slots[at] = entry;
  ++used;
  if (used > kSparseEntries) {
    to_dense();
  } else if (static_cast<size_t>(used) * 4 > slots.size() * 3) {
    grow();
  }
}

void DistinctSketch::Rep::grow() {
  std::vector<uint32_t> old(slots.size() * 2);
  old.swap(slots);
  const size_t mask = slots.size() - 1;
  for (const uint32_t entry : old) {
    if (entry == 0) continue;
    size_t at = slot_of(entry, mask);
    while (slots[at] != 0) at = (at + 1) & mask;
    slots[at] = entry;
  }
}

void DistinctSketch::Rep::raise(uint32_t entry) {
  const uint32_t index = entry >> 6;
  const uint32_t middle = index & ((1U << kMiddleBits) - 1);
  const int rank = middle != 0 ? std::countl_zero(middle) - (32 - kMiddleBits) + 1
                               : kMiddleBits + static_cast<int>(entry & 63);
  uint8_t& reg = registers[index >> kMiddleBits];
  reg = std::max(reg, static_cast<uint8_t>(rank));
}

void DistinctSketch::Rep::to_dense() {
  dense = true;
  registers.assign(kRegisters, 0);
  for (const uint32_t entry : slots) {
    if (entry != 0) raise(entry);
  }
  slots = {};
  used = 0;
}

void DistinctSketch::add(uint64_t hash) {
  Rep& rep = rep_.edit();
  const uint32_t entry = entry_of(hash);
  if (rep.dense) {
    rep.raise(entry);
  } else {
    rep.insert(entry);
  }
}

void DistinctSketch::merge(const DistinctSketch& o) {
  if (!o.rep_ || o.rep_.shares(rep_)) return;
  if (!rep_) {
    rep_ = o.rep_;
    return;
  }
  const Rep& other = *o.rep_;
  Rep& rep = rep_.edit();
  if (other.dense) {
    if (!rep.dense) rep.to_dense();
    for (size_t i = 0; i < rep.registers.size(); ++i) {
      rep.registers[i] = std::max(rep.registers[i], other.registers[i]);
    }
    return;
  }
  for (const uint32_t entry : other.slots) {
    if (entry == 0) continue;
    if (rep.dense) {
      rep.raise(entry);
    } else {
      rep.insert(entry);
    }
  }
}

double DistinctSketch::estimate_double() const {
  if (!rep_) return 0;
  if (!rep_->dense) {
    // As it is: two different values share an entry once in 67 million pairs, and what so small a number
    // could be corrected by is less than a two-hundredth.
    return rep_->used;
  }
  std::array<int, 64> histogram{};
  for (const uint8_t r : rep_->registers) ++histogram[r];
  const double m = kRegisters;
  double z = m * tau(1 - histogram[kMaxRank] / m);
  for (int k = kMaxRank - 1; k >= 1; --k) z = 0.5 * (z + histogram[static_cast<size_t>(k)]);
  z += m * sigma(histogram[0] / m);
  constexpr double kAlphaInfinity = 0.72134752044448170368;  // 1 / (2 ln 2)
  return kAlphaInfinity * m * m / z;
}

int64_t DistinctSketch::estimate() const {
  return static_cast<int64_t>(std::floor(estimate_double() + 0.5));
}

void DistinctSketch::encode(std::string& out) const {
  if (!rep_ || (!rep_->dense && rep_->used == 0)) {
    out.push_back(kEmpty);
    return;
  }
  if (rep_->dense) {
    out.push_back(kDense);
    out.append(reinterpret_cast<const char*>(rep_->registers.data()), rep_->registers.size());
    return;
  }
  std::vector<uint32_t> sorted;
  for (const uint32_t entry : rep_->slots) {
    if (entry != 0) sorted.push_back(entry);
  }
  std::sort(sorted.begin(), sorted.end());
  out.push_back(kSparse);
  append_varint(out, sorted.size());
  uint32_t previous = 0;
  for (const uint32_t entry : sorted) {
    append_varint(out, entry - previous);
    previous = entry;
  }
}

Status DistinctSketch::decode(std::string_view bytes) {
  rep_.reset();
  const Status bad(Code::data_loss, Blame::external, Retry::no,
                   "The bytes are not an encoded distinct sketch.");
  ByteReader in(bytes);
  const char form = in.get<char>();
  if (!in.ok() || form < kEmpty || form > kDense) return bad;
  CowRef<Rep> made;
  if (form == kDense) {
    if (in.left() != kRegisters) return bad;
    Rep& rep = made.edit();
    rep.dense = true;
    rep.registers.assign(in.rest().begin(), in.rest().end());
    if (*std::max_element(rep.registers.begin(), rep.registers.end()) > kMaxRank) return bad;
    rep_ = std::move(made);
    return {};
  }
  const uint64_t n = form == kEmpty ? 0 : in.varint();
  if (form == kSparse && (n == 0 || n > kSparseEntries)) return bad;
  uint64_t entry = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const uint64_t gap = in.varint();
    entry += gap;
    if (!in.ok() || gap == 0 || gap > UINT32_MAX || entry > UINT32_MAX) return bad;
    if (!valid_entry(static_cast<uint32_t>(entry))) return bad;
    made.edit().insert(static_cast<uint32_t>(entry));
  }
  if (!in.complete()) return bad;
  rep_ = std::move(made);
  return {};
}

size_t DistinctSketch::bytes() const {
  return rep_ ? sizeof(Rep) + rep_->slots.capacity() * 4 + rep_->registers.capacity() : 0;
}

}  // namespace rideflow
