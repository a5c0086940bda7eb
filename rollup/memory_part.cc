#include <algorithm>

#include "rollup/part.h"

namespace rideflow::rollup {
namespace {

class MemoryReader : public PartReader {
 public:
  explicit MemoryReader(std::shared_ptr<const CellColumns> cells) : cells_(std::move(cells)) {}
  size_t pages() const override { return (cells_->rows + kPageRows - 1) / kPageRows; }
  Result<size_t> open(size_t page) override {
    begin_ = page * kPageRows;
    return std::min(kPageRows, cells_->rows - begin_);
  }
  Result<const Micros*> times() override { return cells_->times.data() + begin_; }
  Result<const uint32_t*> codes(int d) override {
    return cells_->dimensions[static_cast<size_t>(d)].data() + begin_;
  }
  Result<MetricView> metric(int m) override {
    const MetricColumn& column = cells_->metrics[static_cast<size_t>(m)];
    MetricView view;
    if (!column.ints.empty()) view.ints = column.ints.data() + begin_;
    if (!column.doubles.empty()) view.doubles = column.doubles.data() + begin_;
    if (!column.low.empty()) view.low = column.low.data() + begin_;
    if (!column.times.empty()) view.times = column.times.data() + begin_;
    if (!column.has.empty()) view.has = column.has.data() + begin_;
    return view;
  }
  std::string_view text(int m, size_t row) override {
    return cells_->metrics[static_cast<size_t>(m)].texts[begin_ + row];
  }
  const Quantiles* quantiles(int m, size_t row) override {
    return &cells_->metrics[static_cast<size_t>(m)].quantiles[begin_ + row];
  }
  const Distinct* distinct(int m, size_t row) override {
    return &cells_->metrics[static_cast<size_t>(m)].distincts[begin_ + row];
  }

 private:
  std::shared_ptr<const CellColumns> cells_;
  size_t begin_ = 0;
};

class MemoryPart : public Part {
 public:
  MemoryPart(std::shared_ptr<const RollupSpec> spec, std::shared_ptr<const CellColumns> cells,
             std::vector<DimensionView> dimensions)
      : spec_(std::move(spec)), cells_(std::move(cells)), dimensions_(std::move(dimensions)) {
    rows_ = cells_->rows;
    if (rows_ == 0) return;
    const auto [least, most] = std::minmax_element(cells_->times.begin(), cells_->times.end());
    min_time_ = *least;
    max_time_ = *most;
  }
  // Counted when somebody asks: cells are written far more often.
  int64_t memory_bytes() const override { return static_cast<int64_t>(bytes_of(*cells_)); }
  DimensionView dimension(int d) const override { return dimensions_[static_cast<size_t>(d)]; }
  std::unique_ptr<PartReader> read() const override { return std::make_unique<MemoryReader>(cells_); }

 private:
  std::shared_ptr<const RollupSpec> spec_;
  std::shared_ptr<const CellColumns> cells_;
  std::vector<DimensionView> dimensions_;
};

}  // namespace

std::shared_ptr<const Part> make_memory_part(std::shared_ptr<const RollupSpec> spec,
                                             std::shared_ptr<const CellColumns> cells,
                                             std::vector<DimensionView> dimensions) {
  return std::make_shared<MemoryPart>(std::move(spec), std::move(cells), std::move(dimensions));
}

}  // namespace rideflow::rollup
