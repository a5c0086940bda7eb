#include "rollup/rollup_writer.h"

#include <cmath>
#include <cstring>

#include "engine/time.h"

namespace rideflow::rollup {
namespace {

// Truncates times to a granularity; remembers the last period of calendar ones.
class Truncator {
 public:
  explicit Truncator(const Duration& period) : period_(period) {
    const bool plain = period.months == 0 && (period.days == 0 || (period.days == 1 && period.micros == 0));
    if (plain) span_ = period.total_micros();
  }
  Micros operator()(Micros t) {
    if (span_ != 0) return floor_to(t, span_);
    if (t >= begin_ && t < end_) return begin_;
    begin_ = truncate(t, period_, TimeZone::utc());
    end_ = rideflow::add(begin_, period_, 1, TimeZone::utc());
    return begin_;
  }

 private:
  Duration period_;
  int64_t span_ = 0;
  Micros begin_ = 0;
  Micros end_ = 0;
};

std::string_view bytes_of(const int64_t& v) {
  return {reinterpret_cast<const char*>(&v), sizeof v};
}

void encode_strings(const Column& column, const std::vector<int32_t>& rows, DimensionDictionary& dictionary,
                    uint32_t* out) {
  const StringView* views = column.values<StringView>();
  const StringView* last = nullptr;
  uint32_t last_code = 0;
  for (const int32_t row : rows) {
    if (column.is_null(row)) {
      *out++ = 0;
      continue;
    }
    const StringView& view = views[row];
    const bool same = last != nullptr && view.is_inline() && std::memcmp(&view, last, sizeof view) == 0;
    if (!same) last_code = dictionary.values().find_or_add(column.string(row));
    last = &view;
    *out++ = last_code;
  }
}

void encode_numbers(const Column& column, const std::vector<int32_t>& rows, DimensionType type,
                    DimensionDictionary& dictionary, uint32_t* out) {
  for (const int32_t row : rows) {
    if (column.is_null(row)) {
      *out++ = 0;
      continue;
    }
    int64_t bits = 0;
    if (type == DimensionType::float64) {
      double v = column.values<double>()[row];
      if (v == 0) v = 0;                    // -0 = 0
      if (std::isnan(v)) v = std::nan("");  // one NaN
      std::memcpy(&bits, &v, sizeof bits);
    } else {
      bits = column.values<int64_t>()[row];
    }
    *out++ = dictionary.values().find_or_add(bytes_of(bits));
  }
}

void encode_lists(const Column& column, const std::vector<int32_t>& rows, DimensionDictionary& dictionary,
                  uint32_t* out) {
  const int32_t* offsets = column.values<int32_t>();
  const Column& items = column.children.front();
  std::vector<uint32_t> codes;
  for (const int32_t row : rows) {
    codes.clear();
    for (int32_t i = offsets[row]; !column.is_null(row) && i < offsets[row + 1]; ++i) {
      codes.push_back(items.is_null(i) ? 0 : dictionary.values().find_or_add(items.string(i)));
    }
    *out++ = dictionary.list(codes.data(), codes.size());
  }
}

// The inputs of some rows of a batch, for the rare one that holds expired rows.
struct TakenInput {
  std::vector<uint8_t> valid;
  std::vector<int64_t> ints;
  std::vector<double> doubles;
  std::vector<uint64_t> hashes;
  std::vector<Micros> event_time;
  Column texts;

  MetricInput take(const MetricInput& in, const std::vector<int32_t>& rows) {
    MetricInput out;
    const auto pick = [&](const auto* from, auto& to) {
      if (from == nullptr) return to.data();
      for (const int32_t row : rows) to.push_back(from[row]);
      return to.data();
    };
    out.ints = pick(in.ints, ints);
    out.doubles = pick(in.doubles, doubles);
    out.hashes = pick(in.hashes, hashes);
    out.event_time = pick(in.event_time, event_time);
    if (in.texts != nullptr) {
      texts = rideflow::take(*in.texts, rows.data(), static_cast<int32_t>(rows.size()));
      out.texts = &texts;
    }
    if (in.valid != nullptr) {
      valid.resize(bitmap_bytes(static_cast<int64_t>(rows.size())));
      for (size_t i = 0; i < rows.size(); ++i) {
        if (get_bit(in.valid, rows[i])) set_bit(valid.data(), static_cast<int64_t>(i));
      }
      out.valid = valid.data();
    }
    return out;
  }
};

class ShardWriter : public RollupWriter {
 public:
  ShardWriter(std::shared_ptr<Datasource> datasource, const RollupWriterId& id)
      : datasource_(std::move(datasource)),
        spec_(datasource_->spec()),
        shard_(datasource_->attach(id)),
        truncate_(spec_->granularity) {}
  ~ShardWriter() override { datasource_->detach(shard_); }
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  Status add(const RollupRows& rows, std::vector<int32_t>& expired) override;
  void set_watermark(Micros watermark) override {
    std::lock_guard guard(shard_->mutex);
    shard_->watermark = std::max(shard_->watermark, watermark);
  }
  Result<RollupPrepared> prepare(Epoch epoch) override { return datasource_->prepare(shard_, epoch); }
  Status commit(const std::string& handle) override { return datasource_->commit(handle); }
  Status recover(Epoch restored, const std::vector<std::pair<Epoch, std::string>>& pending) override {
    return datasource_->recover(*shard_, restored, pending);
  }

 private:
  void encode(const RollupRows& rows);

  std::shared_ptr<Datasource> datasource_;
  std::shared_ptr<const RollupSpec> spec_;
  std::shared_ptr<ShardState> shard_;
  Truncator truncate_;
  std::vector<int32_t> kept_;
  std::vector<Micros> times_;
  std::vector<std::vector<uint32_t>> codes_;
};

// REQUIRES: the shard's mutex, for its dictionaries.
void ShardWriter::encode(const RollupRows& rows) {
  const size_t n = kept_.size();
  times_.resize(n);
  for (size_t i = 0; i < n; ++i) times_[i] = truncate_(rows.event_time[kept_[i]]);
  codes_.resize(spec_->dimensions.size());
  for (size_t d = 0; d < codes_.size(); ++d) {
    codes_[d].resize(n);
    const RollupDimension& dimension = spec_->dimensions[d];
    DimensionDictionary& dictionary = shard_->epoch.dimensions[d];
    const Column& column = *rows.dimensions[d];
    if (dimension.multi_value) {
      encode_lists(column, kept_, dictionary, codes_[d].data());
    } else if (dimension.type == DimensionType::string) {
      encode_strings(column, kept_, dictionary, codes_[d].data());
    } else {
      encode_numbers(column, kept_, dimension.type, dictionary, codes_[d].data());
    }
  }
}

Status ShardWriter::add(const RollupRows& rows, std::vector<int32_t>& expired) {
  const Micros horizon = datasource_->horizon();
  kept_.clear();
  for (int32_t i = 0; i < rows.rows; ++i) {
    (rows.event_time[i] < horizon ? expired : kept_).push_back(i);
  }
  if (kept_.empty()) return {};
  std::lock_guard guard(shard_->mutex);
  if (shard_->fenced) {
    return Status::external(Code::aborted,
                            "A newer attempt of this job writes the rollup '" + spec_->datasource + "' now.");
  }
  encode(rows);
  std::vector<const uint32_t*> codes;
  for (const auto& column : codes_) codes.push_back(column.data());
  const auto n = static_cast<int32_t>(kept_.size());
  if (n == rows.rows) {
    shard_->fresh.add(n, times_.data(), codes, rows.metrics);
    return {};
  }
  std::vector<TakenInput> taken(rows.metrics.size());
  std::vector<MetricInput> inputs;
  for (size_t m = 0; m < taken.size(); ++m) inputs.push_back(taken[m].take(rows.metrics[m], kept_));
  shard_->fresh.add(n, times_.data(), codes, inputs);
  return {};
}

}  // namespace

std::unique_ptr<RollupWriter> make_writer(std::shared_ptr<Datasource> datasource, const RollupWriterId& id) {
  return std::make_unique<ShardWriter>(std::move(datasource), id);
}

}  // namespace rideflow::rollup
