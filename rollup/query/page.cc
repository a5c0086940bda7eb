#include "rollup/query/page.h"

#include <algorithm>
#include <cstring>

#include "rollup/query/expression.h"

namespace rideflow::rollup {

ColumnRef QueryColumns::find(const std::string& name) const {
  if (const auto it = virtual_.find(name); it != virtual_.end()) {
    return {ColumnRef::Kind::expression, 0, it->second};
  }
  if (name == "__time") return {ColumnRef::Kind::time, 0, nullptr};
  if (const auto d = spec_->find_dimension(name)) return {ColumnRef::Kind::dimension, *d, nullptr};
  if (const auto m = spec_->find_metric(name)) return {ColumnRef::Kind::metric, *m, nullptr};
  return {};
}

void VirtualValues::start_page() {
  std::fill(known_.begin(), known_.end(), uint8_t{0});
  if (text_bytes_ == 0) return;
  values_.assign(values_.size(), QueryValue());
  text_bytes_ = 0;
  held_.set(values_.size() * (sizeof(QueryValue) + 1));
}

Result<const QueryValue*> VirtualValues::at(const Expression& expression, Page& page, size_t row) {
  QueryControl& control = page.view().control();
  if (known_.size() < page.rows()) {
    if (!held_.set(page.rows() * (sizeof(QueryValue) + 1) + text_bytes_)) return control.status();
    values_.resize(page.rows());
    known_.resize(page.rows());
  }
  if (known_[row] == 0) {
    RF_ASSIGN(QueryValue v, expression.eval(page, row));
    if (const auto* s = std::get_if<std::string>(&v)) {
      text_bytes_ += s->capacity();
      if (!held_.set(values_.size() * (sizeof(QueryValue) + 1) + text_bytes_)) return control.status();
    }
    values_[row] = std::move(v);
    known_[row] = 1;
  }
  return static_cast<const QueryValue*>(&values_[row]);
}

void PartView::start_page() {
  for (auto& entry : virtual_) entry.second.start_page();
}

VirtualValues& PartView::virtual_values(const Expression& expression) {
  return virtual_.try_emplace(&expression, control()).first->second;
}

PartView::PartView(const Part& part, const QueryColumns& columns)
    : part_(part), columns_(columns), reader_(part.read()) {
  for (size_t d = 0; d < columns.spec().dimensions.size(); ++d) {
    dimensions_.push_back(part.dimension(static_cast<int>(d)));
  }
}

Datum PartView::value(int d, uint32_t code) const {
  if (code == 0) return {};
  const DimensionView& view = dimension(d);
  const std::string_view bytes = view.values->at(code);
  if (view.type == DimensionType::string) return Datum::of(bytes);
  if (view.type == DimensionType::float64) {
    double v = 0;
    std::memcpy(&v, bytes.data(), sizeof v);
    return Datum::of(v);
  }
  int64_t v = 0;
  std::memcpy(&v, bytes.data(), sizeof v);
  return Datum::of(v);
}

void PartView::values_of(int d, uint32_t code, std::vector<uint32_t>& out) const {
  out.clear();
  const DimensionView& view = dimension(d);
  if (view.lists == nullptr || code == 0) {
    out.push_back(code);
    return;
  }
  const std::string_view bytes = view.lists->at(code);
  out.resize(bytes.size() / sizeof(uint32_t));
  std::memcpy(out.data(), bytes.data(), bytes.size());
}

Result<Datum> Page::metric_datum(int m, size_t row) {
  RF_ASSIGN(const MetricView view, metric(m));
  if (view.has != nullptr && view.has[row] == 0) return Datum();
  const MetricKind kind = view_.columns().spec().metrics[static_cast<size_t>(m)].kind;
  if (kind == MetricKind::string_first || kind == MetricKind::string_last) {
    return Datum::of(view_.reader().text(m, row));
  }
  if (view.ints != nullptr) return Datum::of(view.ints[row]);
  if (view.doubles == nullptr) return Datum();
  return Datum::of(view.doubles[row] + (view.low ? view.low[row] : 0));
}

Result<Datum> Page::datum(const ColumnRef& column, size_t row) {
  switch (column.kind) {
    case ColumnRef::Kind::missing:
      return Datum();
    case ColumnRef::Kind::time: {
      RF_ASSIGN(const Micros* t, times());
      return Datum::of(to_millis(t[row]));
    }
    case ColumnRef::Kind::metric:
      return metric_datum(column.index, row);
    case ColumnRef::Kind::expression: {
      RF_ASSIGN(const QueryValue* v,
                view_.virtual_values(*column.expression).at(*column.expression, *this, row));
      return datum_of(*v);
    }
    case ColumnRef::Kind::dimension: {
      RF_ASSIGN(const uint32_t* c, codes(column.index));
      std::vector<uint32_t> values;
      view_.values_of(column.index, c[row], values);
      return view_.value(column.index, values.empty() ? 0 : values.front());
    }
  }
  return Datum();
}

Result<std::vector<Datum>> Page::data(const ColumnRef& column, size_t row) {
  std::vector<Datum> out;
  if (column.kind == ColumnRef::Kind::dimension) {
    RF_ASSIGN(const uint32_t* c, codes(column.index));
    std::vector<uint32_t> values;
    view_.values_of(column.index, c[row], values);
    for (const uint32_t v : values) out.push_back(view_.value(column.index, v));
    return out;
  }
  RF_ASSIGN(const Datum d, datum(column, row));
  out.push_back(d);
  return out;
}

}  // namespace rideflow::rollup
