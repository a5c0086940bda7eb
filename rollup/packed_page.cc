#include "rollup/packed_page.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

namespace rideflow::rollup {
namespace {

constexpr uint8_t kMostPacked = 57;  // a window of 8 bytes holds any entry of so many bits
constexpr int kMostDecimals = 9;
constexpr int kMostHalvings = 1000;
constexpr size_t kSample = 256;  // values that are looked at to choose a power of ten
constexpr size_t kExceptionBytes = sizeof(uint32_t) + sizeof(double);
// Integers of doubles lie within ±2^51, so that adding kIntegerZero's bits makes them doubles (see scaled()).
constexpr int64_t kMostInteger = int64_t{1} << 51;
constexpr double kIntegerZero = 6755399441055744.0;  // 1.5 * 2^52

constexpr double kTens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
static_assert(std::size(kTens) == kMostDecimals + 1);

size_t entry_bytes(size_t rows, uint8_t bits) {
  return (rows * bits + 7) / 8;
}

// ---- Choosing a form

uint8_t bits_of(uint64_t most) {
  const auto bits = static_cast<uint8_t>(std::bit_width(most));
  return bits > kMostPacked ? uint8_t{64} : bits;
}

// The largest step that all distances from the base are multiples of.
uint64_t common_step(const std::vector<int64_t>& values, int64_t base) {
  uint64_t step = 0;
  uint64_t last = 0;
  for (const int64_t v : values) {
    const uint64_t distance = static_cast<uint64_t>(v) - static_cast<uint64_t>(base);
    if (distance == last) continue;
    last = distance;
    if (step == 0) {
      step = distance;
    } else if (distance % step != 0) {
      step = std::gcd(step, distance);
    }
    if (step == 1) break;
  }
  return step == 0 ? 1 : step;
}

// The integer that is v when divided by the power of ten.
std::optional<int64_t> decimal(double v, int power) {
  const double scaled = v * kTens[power];
  if (!(std::abs(scaled) < static_cast<double>(kMostInteger) - 1)) return std::nullopt;
  const auto n = static_cast<int64_t>(std::llrint(scaled));
  const double back = static_cast<double>(n) / kTens[power];
  return std::bit_cast<uint64_t>(back) == std::bit_cast<uint64_t>(v) ? std::optional(n) : std::nullopt;
}

// How often v must be doubled to be an integer; nothing for what never is one.
std::optional<int> halvings(double v) {
  const auto bits = std::bit_cast<uint64_t>(v);
  const auto exponent = static_cast<int>(bits >> 52 & 0x7ff);
  const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
  if (v == 0) return bits == 0 ? std::optional(0) : std::nullopt;  // -0 is no integer
  if (exponent == 0 || exponent == 0x7ff) return std::nullopt;
  const int significant = fraction == 0 ? 0 : 52 - std::countr_zero(fraction);
  return std::max(0, significant - (exponent - 1023));
}

// `integer_of` gives the integer of a value, or nothing: then the value is an exception.
template <class IntegerOf>
NumberPage with_exceptions(std::span<const double> values, int16_t power, IntegerOf integer_of) {
  std::vector<int64_t> integers(values.size());
  std::vector<uint32_t> rows;
  std::vector<double> exceptions;
  size_t first = values.size();  // that is an integer
  for (size_t i = 0; i < values.size(); ++i) {
    if (const std::optional<int64_t> n = integer_of(values[i])) {
      integers[i] = *n;
      first = std::min(first, i);
      continue;
    }
    rows.push_back(static_cast<uint32_t>(i));
    exceptions.push_back(values[i]);
    if (first < i) integers[i] = integers[i - 1];  // any will do that makes the entries no wider
  }
  if (first < values.size()) std::fill_n(integers.begin(), first, integers[first]);
  NumberPage page = NumberPage::of(std::move(integers));
  page.form.power = power;
  page.form.exceptions = static_cast<uint32_t>(exceptions.size());
  page.exception_rows = std::move(rows);
  page.exceptions = std::move(exceptions);
  return page;
}

// Divided by the power of two that makes them all integers.
std::optional<NumberPage> as_halves(std::span<const double> values) {
  int most = 0;
  for (const double v : values) {
    const std::optional<int> n = halvings(v);
    if (!n || *n > kMostHalvings) return std::nullopt;
    most = std::max(most, *n);
  }
  const double scale = std::ldexp(1.0, most);
  for (const double v : values) {
    if (!(std::abs(v * scale) < static_cast<double>(kMostInteger))) return std::nullopt;
  }
  return with_exceptions(values, static_cast<int16_t>(-most - 1),
                         [scale](double v) { return std::optional(static_cast<int64_t>(v * scale)); });
}

// Divided by the least power of ten with which most values of a sample are integers.
std::optional<NumberPage> as_decimals(std::span<const double> values) {
  const size_t stride = std::max<size_t>(1, values.size() / kSample);
  for (int power = 1; power <= kMostDecimals; ++power) {
    size_t fit = 0;
    size_t all = 0;
    for (size_t i = 0; i < values.size(); i += stride, ++all) fit += decimal(values[i], power) ? 1 : 0;
    if (fit * 4 < all * 3) continue;
    return with_exceptions(values, static_cast<int16_t>(power),
                           [power](double v) { return decimal(v, power); });
  }
  return std::nullopt;
}

// ---- Unpacking

template <unsigned Bits, size_t I>
uint64_t entry(const char* group) {
  uint64_t window = 0;
  std::memcpy(&window, group + I * Bits / 8, sizeof window);
  return window >> (I * Bits % 8) & ((uint64_t{1} << Bits) - 1);
}

template <unsigned Bits>
void unpack(const char* from, size_t groups, uint64_t* out) {
  for (size_t g = 0; g < groups; ++g, from += Bits, out += 8) {
    [&]<size_t... I>(std::index_sequence<I...>) {
      ((out[I] = entry<Bits, I>(from)), ...);
    }
    (std::make_index_sequence<8>());
  }
}

using Unpack = void (*)(const char* from, size_t groups, uint64_t* out);
template <size_t... Bits>
constexpr std::array<Unpack, sizeof...(Bits)> make_unpackers(std::index_sequence<Bits...>) {
  return {unpack<Bits>...};
}
// By bits. A group of 8 entries of b bits is b bytes; up to 7 bytes behind the last group are read.
constexpr auto kUnpackers = make_unpackers(std::make_index_sequence<kMostPacked + 1>());

template <class Entry, class T>
void widen(const char* from, size_t n, T base, T* out) {
  for (size_t i = 0; i < n; ++i) {
    Entry e;
    std::memcpy(&e, from + i * sizeof(Entry), sizeof(Entry));
    out[i] = static_cast<T>(base + static_cast<T>(e));
  }
}

}  // namespace

uint8_t whole_bytes(uint8_t bits) {
  if (bits == 0) return 0;
  return std::max(uint8_t{8}, std::bit_ceil(bits));
}

NumberPage NumberPage::of(std::vector<int64_t> integers) {
  NumberPage page;
  page.integers = std::move(integers);
  if (page.integers.empty()) return page;
  const auto [least, most] = std::minmax_element(page.integers.begin(), page.integers.end());
  page.form.base = *least;
  page.form.step = common_step(page.integers, *least);
  const uint64_t range = static_cast<uint64_t>(*most) - static_cast<uint64_t>(*least);
  page.form.bits = bits_of(range / page.form.step);
  if (page.form.bits == 64) {
    page.form.base = 0;  // as they are
    page.form.step = 1;
  }
  return page;
}

NumberPage NumberPage::of(std::span<const double> values) {
  std::vector<int64_t> bits;
  bits.reserve(values.size());
  for (const double v : values) bits.push_back(std::bit_cast<int64_t>(v));
  NumberPage best = of(std::move(bits));
  for (auto make : {as_halves, as_decimals}) {
    std::optional<NumberPage> page = make(values);
    if (page && page->packed_bytes(page->form.bits) < best.packed_bytes(best.form.bits))
      best = *std::move(page);
  }
  return best;
}

size_t NumberPage::packed_bytes(uint8_t bits) const {
  return entry_bytes(integers.size(), bits) + exceptions.size() * kExceptionBytes;
}

std::string NumberPage::pack(uint8_t bits) const {
  std::string out(entry_bytes(integers.size(), bits) + sizeof(uint64_t), '\0');  // whole words are written
  char* to = out.data();
  uint64_t word = 0;  // bits that are not written yet
  unsigned held = 0;
  const auto store = [&to](uint64_t w) {
    std::memcpy(to, &w, sizeof w);
    to += sizeof w;
  };
  for (const int64_t v : bits == 0 ? std::span<const int64_t>() : std::span<const int64_t>(integers)) {
    const uint64_t distance = static_cast<uint64_t>(v) - static_cast<uint64_t>(form.base);
    const uint64_t e = form.step == 1 ? distance : distance / form.step;  // dividing takes long
    word |= e << held;
    held += bits;
    if (held < 64) continue;
    store(word);
    held -= 64;
    word = held == 0 ? 0 : e >> (bits - held);
  }
  store(word);
  out.resize(entry_bytes(integers.size(), bits));
  out.append(reinterpret_cast<const char*>(exception_rows.data()), exception_rows.size() * sizeof(uint32_t));
  out.append(reinterpret_cast<const char*>(exceptions.data()), exceptions.size() * sizeof(double));
  return out;
}

const char* PackedPage::set(std::string_view bytes, const PageForm& form, size_t rows) {
  if (form.bits > kMostPacked && form.bits != 64) return "a page has a wrong width";
  if (form.power > kMostDecimals || form.power < -kMostHalvings - 1) return "a page has a wrong power";
  const size_t head = entry_bytes(rows, form.bits);
  if (form.exceptions > rows || bytes.size() != head + form.exceptions * kExceptionBytes) {
    return "a page has a wrong size";
  }
  form_ = form;
  bytes_ = bytes.substr(0, head);
  exceptions_ = bytes.substr(head);
  uint64_t next = 0;
  for (size_t i = 0; i < form.exceptions; ++i) {
    uint32_t row = 0;
    std::memcpy(&row, exceptions_.data() + i * sizeof row, sizeof row);
    if (row < next || row >= rows) return "a page has exceptions in wrong rows";
    next = uint64_t{row} + 1;
  }
  return nullptr;
}

void PackedPage::entries(size_t begin, size_t n, uint64_t* out) const {
  const char* from = bytes_.data() + begin * form_.bits / 8;
  switch (form_.bits) {
    case 0:
      std::fill_n(out, n, 0);
      return;
    case 8:
      return widen<uint8_t>(from, n, uint64_t{0}, out);
    case 16:
      return widen<uint16_t>(from, n, uint64_t{0}, out);
    case 32:
      return widen<uint32_t>(from, n, uint64_t{0}, out);
    case 64:
      return widen<uint64_t>(from, n, uint64_t{0}, out);
    default:
      break;
  }
  // What a group reads behind its own bytes must be there too: the last ones are read from a copy.
  constexpr size_t kBehind = sizeof(uint64_t) - 1;
  const Unpack unpack = kUnpackers[form_.bits];
  const auto rest = static_cast<size_t>(bytes_.data() + bytes_.size() - from);
  const size_t inside = rest < kBehind ? 0 : std::min(n / 8, (rest - kBehind) / form_.bits);
  unpack(from, inside, out);
  for (size_t done = inside * 8; done < n; done += 8) {
    const size_t at = done / 8 * form_.bits;
    char copy[kMostPacked + sizeof(uint64_t)] = {};
    std::memcpy(copy, from + at, std::min<size_t>(form_.bits, rest - at));
    uint64_t last[8];
    unpack(copy, 1, last);
    std::copy_n(last, std::min<size_t>(8, n - done), out + done);
  }
}

template <class T>
void PackedPage::integers(size_t begin, size_t n, T* out) const {
  // Integers wrap: what fits into T is right.
  const auto base = static_cast<T>(form_.base);
  const auto step = static_cast<T>(form_.step);
  if (form_.bits == 0) {
    std::fill_n(out, n, base);
    return;
  }
  if (form_.bits == 8 && step == 1) {
    return widen<uint8_t>(bytes_.data() + begin, n, std::make_unsigned_t<T>(base),
                          reinterpret_cast<std::make_unsigned_t<T>*>(out));
  }
  uint64_t block[kBlock];
  for (size_t done = 0; done < n; done += kBlock) {
    const size_t some = std::min(kBlock, n - done);
    entries(begin + done, some, block);
    T* to = out + done;
    if (step == 1) {
      for (size_t i = 0; i < some; ++i) {
        to[i] = static_cast<T>(static_cast<uint64_t>(base) + block[i]);
      }
    } else {
      for (size_t i = 0; i < some; ++i) {
        to[i] = static_cast<T>(static_cast<uint64_t>(base) + block[i] * static_cast<uint64_t>(step));
      }
    }
  }
}
template void PackedPage::integers(size_t, size_t, int64_t*) const;
template void PackedPage::integers(size_t, size_t, uint32_t*) const;
template void PackedPage::integers(size_t, size_t, uint8_t*) const;

void PackedPage::doubles(size_t begin, size_t n, double* out) const {
  if (form_.power != 0) {
    scaled(begin, n, out);
  } else if (form_.bits == 64 && form_.base == 0 && form_.step == 1) {
    std::memcpy(out, bytes_.data() + begin * sizeof(double), n * sizeof(double));
  } else {
    uint64_t block[kBlock];
    for (size_t done = 0; done < n; done += kBlock) {
      const size_t some = std::min(kBlock, n - done);
      entries(begin + done, some, block);
      for (size_t i = 0; i < some; ++i) {
        out[done + i] = std::bit_cast<double>(static_cast<uint64_t>(form_.base) + block[i] * form_.step);
      }
    }
  }
  if (form_.exceptions != 0) patch(begin, n, out);
}

// An integer within ±2^51 added to the bits of kIntegerZero is the double kIntegerZero + integer: a way to
// convert them that processors without AVX-512 can do two or four at a time.
void PackedPage::scaled(size_t begin, size_t n, double* out) const {
  const uint64_t base = std::bit_cast<uint64_t>(kIntegerZero) + static_cast<uint64_t>(form_.base);
  const uint64_t step = form_.step;
  const double halves = form_.power < 0 ? std::ldexp(1.0, form_.power + 1) : 1;
  const double tens = form_.power > 0 ? kTens[form_.power] : 1;
  uint64_t block[kBlock];
  for (size_t done = 0; done < n; done += kBlock) {
    const size_t some = std::min(kBlock, n - done);
    entries(begin + done, some, block);
    double* to = out + done;
    if (step != 1) {
      for (size_t i = 0; i < some; ++i) block[i] *= step;
    }
    if (form_.power < 0) {
      for (size_t i = 0; i < some; ++i)
        to[i] = (std::bit_cast<double>(base + block[i]) - kIntegerZero) * halves;
    } else {
      for (size_t i = 0; i < some; ++i)
        to[i] = (std::bit_cast<double>(base + block[i]) - kIntegerZero) / tens;
    }
  }
}

void PackedPage::patch(size_t begin, size_t n, double* out) const {
  const auto row_of = [&](size_t i) {
    uint32_t row = 0;
    std::memcpy(&row, exceptions_.data() + i * sizeof row, sizeof row);
    return size_t{row};
  };
  size_t i = 0;
  for (size_t left = form_.exceptions; left > 0;) {  // the first that is not before the rows
    const size_t half = left / 2;
    const bool before = row_of(i + half) < begin;
    i = before ? i + half + 1 : i;
    left = before ? left - half - 1 : half;
  }
  const char* values = exceptions_.data() + form_.exceptions * sizeof(uint32_t);
  for (; i < form_.exceptions && row_of(i) < begin + n; ++i) {
    std::memcpy(out + (row_of(i) - begin), values + i * sizeof(double), sizeof(double));
  }
}

}  // namespace rideflow::rollup
