// The first, last and any value of a column by time.
#include <algorithm>

#include "rollup/query/aggregator.h"

namespace rideflow::rollup {
namespace {

enum class Output : uint8_t { integer, number, text };

// Value and time per group. `any` is the first: any value is right, and this one does not depend on how the
// rows are stored.
class EdgeAggregator : public Aggregator {
 public:
  EdgeAggregator(ColumnRef column, bool last, Output output)
      : column_(std::move(column)), last_(last), output_(output) {}
  void resize(size_t groups) override {
    times_.resize(groups);
    values_.resize(groups);
  }
  size_t group_bytes() const override { return sizeof(Micros) + sizeof(QueryValue); }
  size_t extra_bytes() const override { return text_bytes_; }
  Status update(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n) override {
    RF_ASSIGN(const Micros* times, page.times());
    if (column_.kind == ColumnRef::Kind::metric) {
      RF_ASSIGN(const MetricView view, page.metric(column_.index));
      if (view.times != nullptr) times = view.times;  // it knows its own time
    }
    Status status;
    for_rows(rows, groups, n, [&](size_t row, size_t g) {
      if (!status.ok()) return;
      const bool open = is_null(values_[g]);
      if (!open && (last_ ? times[row] < times_[g] : times[row] > times_[g])) return;
      const Result<Datum> d = page.datum(column_, row);
      if (!d.ok()) {
        status = d.status();
        return;
      }
      if (d->is_null()) return;
      QueryValue v = convert(*d);
      if (!open && times[row] == times_[g] && !(v < values_[g])) return;
      text_bytes_ = text_bytes_ + text_bytes(v) - text_bytes(values_[g]);
      values_[g] = std::move(v);
      times_[g] = times[row];
    });
    return status;
  }
  QueryValue value(size_t group) const override { return values_[group]; }

 private:
  static size_t text_bytes(const QueryValue& v) {
    const auto* s = std::get_if<std::string>(&v);
    return s == nullptr ? 0 : s->capacity();
  }
  QueryValue convert(const Datum& d) const {
    if (output_ == Output::text) return *text_of(d);
    if (output_ == Output::number) return number_of(d).value_or(0);
    return d.kind == Datum::Kind::integer ? d.integer : static_cast<int64_t>(number_of(d).value_or(0));
  }
  ColumnRef column_;
  bool last_;
  Output output_;
  std::vector<Micros> times_;
  std::vector<QueryValue> values_;
  size_t text_bytes_ = 0;
};

class EdgeSpec : public AggregatorSpec {
 public:
  EdgeSpec(std::string name, ColumnRef column, bool last, Output output)
      : column_(std::move(column)), last_(last), output_(output) {
    name_ = std::move(name);
  }
  std::unique_ptr<Aggregator> make() const override {
    return std::make_unique<EdgeAggregator>(column_, last_, output_);
  }

 private:
  ColumnRef column_;
  bool last_;
  Output output_;
};

}  // namespace

Result<std::shared_ptr<const AggregatorSpec>> parse_edge_aggregator(const std::string& type,
                                                                    const JsonObject& json,
                                                                    const QueryColumns& columns) {
  struct Kind {
    std::string_view type;
    Output output;
  };
  constexpr Kind kinds[] = {{"long", Output::integer},
                            {"double", Output::number},
                            {"float", Output::number},
                            {"string", Output::text}};
  for (const Kind& kind : kinds) {
    if (!type.starts_with(kind.type)) continue;
    const std::string rest = type.substr(kind.type.size());
    const bool first =
        rest == "First" || rest == "Any" || (kind.output == Output::text && rest == "FirstFold");
    const bool last = rest == "Last" || (kind.output == Output::text && rest == "LastFold");
    if (!first && !last) continue;
    const ColumnRef column = columns.find(text(json, "fieldName"));
    return std::shared_ptr<const AggregatorSpec>(
        std::make_shared<EdgeSpec>(text(json, "name"), column, last, kind.output));
  }
  return std::shared_ptr<const AggregatorSpec>();
}

}  // namespace rideflow::rollup
