// The two sketches that rollups keep, behind one face for the store and the query engine.
//
// Both merge in any order to the same state and encode to bytes that stay readable within a format version.
// Values; one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/status.h"

namespace rideflow::rollup {

class Quantiles {
 public:
  void add(double v) { values_.push_back(v); }
  void merge(const Quantiles& other) {
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  }
  int64_t count() const { return static_cast<int64_t>(values_.size()); }
  double quantile(double fraction) const {
    if (values_.empty()) return 0;
    std::vector<double> v = values_;
    std::sort(v.begin(), v.end());
    const auto i = static_cast<size_t>(fraction * static_cast<double>(v.size()));
    return v[std::min(i, v.size() - 1)];
  }
  // The share of values below v.
  double rank(double v) const {
    const auto below = std::count_if(values_.begin(), values_.end(), [&](double x) { return x < v; });
    return values_.empty() ? 0 : static_cast<double>(below) / static_cast<double>(values_.size());
  }
  void encode(std::string& out) const {
    out.append(reinterpret_cast<const char*>(values_.data()), values_.size() * sizeof(double));
  }
  Status decode(std::string_view bytes) {
    values_.resize(bytes.size() / sizeof(double));
    std::memcpy(values_.data(), bytes.data(), values_.size() * sizeof(double));
    return {};
  }

 private:
  std::vector<double> values_;
};

class Distinct {
 public:
  void add(uint64_t hash) { hashes_.insert(hash); }
  void merge(const Distinct& other) { hashes_.insert(other.hashes_.begin(), other.hashes_.end()); }
  double estimate() const { return static_cast<double>(hashes_.size()); }
  void encode(std::string& out) const {
    for (const uint64_t h : hashes_) out.append(reinterpret_cast<const char*>(&h), sizeof h);
  }
  Status decode(std::string_view bytes) {
    hashes_.clear();
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
      uint64_t h = 0;
      std::memcpy(&h, bytes.data(), 8);
      hashes_.insert(h);
    }
    return {};
  }

 private:
  std::set<uint64_t> hashes_;
};

}  // namespace rideflow::rollup
