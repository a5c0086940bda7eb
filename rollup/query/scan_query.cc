// scan: stored rows as they are.
#include <fmt/format.h>

#include <algorithm>

#include "rollup/query/query.h"

namespace rideflow::rollup {
namespace {

struct ScanColumn {
  std::string name;
  ColumnRef column;
};

std::vector<ScanColumn> scan_columns(const JsonObject& json, const Query& query) {
  std::vector<std::string> names;
  for (const Json* item : items(find(json, "columns"))) names.push_back(text(item).value_or(""));
  if (names.empty()) {
    names.emplace_back("__time");
    for (const auto& d : query.columns->spec().dimensions) names.push_back(d.name);
    for (const auto& m : query.columns->spec().metrics) names.push_back(m.name);
  }
  std::vector<ScanColumn> out;
  for (const std::string& name : names) out.push_back({name, query.columns->find(name)});
  return out;
}

class Scan {
 public:
  Scan(const JsonObject& json, Query& query)
      : query_(query),
        columns_(scan_columns(json, query)),
        compact_(text(json, "resultFormat") == "compactedList"),
        left_(rows_asked(json, "limit", SIZE_MAX)),
        skip_(rows_asked(json, "offset", 0)),
        answer_(query),
        out_(answer_.text) {}

  Result<std::string> run() {
    out_ = R"([{"segmentId":"merged","columns":[)";
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) out_ += ',';
      append_json(out_, QueryValue(columns_[c].name));
    }
    out_ += R"(],"events":[)";
    const OnPage on_page = [&](Page& page, const uint32_t* rows, size_t n) -> Status {
      for (size_t i = 0; i < n && left_ > 0; ++i) RF_TRY(append_row(page, rows ? rows[i] : i));
      return left_ > 0 ? Status() : enough();
    };
    const Status status = scan(
        query_, [](PartView&) {}, on_page);
    if (!status.ok() && left_ > 0) return status;
    if (query_.control->stopped()) return query_.control->status();
    if (written_ == 0) return std::string("[]");
    return std::move(out_) + "]}]";
  }

 private:
  // 0 and absent both mean the default, as in Druid.
  static size_t rows_asked(const JsonObject& json, const char* name, size_t fallback) {
    const auto n = integer(find(json, name));
    return n && *n > 0 ? static_cast<size_t>(*n) : fallback;
  }

  Status append_row(Page& page, size_t row) {
    if (skip_ > 0) {
      --skip_;
      return query_.control->step() ? Status() : query_.control->status();
    }
    --left_;
    if (written_++ > 0) out_ += ',';
    out_ += compact_ ? '[' : '{';
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) out_ += ',';
      if (!compact_) append_key(out_, columns_[c].name);
      RF_TRY(append_value(page, columns_[c].column, row));
    }
    out_ += compact_ ? ']' : '}';
    return answer_.check(1 + columns_.size() / 2);
  }

  // Ends the scan: nothing that comes is asked for.
  static Status enough() { return Status::user(Code::out_of_range, "all rows that were asked for"); }

  Status append_value(Page& page, const ColumnRef& column, size_t row) {
    if (column.kind == ColumnRef::Kind::metric) {
      const MetricKind kind = query_.columns->spec().metrics[static_cast<size_t>(column.index)].kind;
      PartReader& reader = page.view().reader();
      if (kind == MetricKind::quantile_sketch) {
        const Quantiles* q = reader.quantiles(column.index, row);
        out_ += fmt::to_string(q ? q->count() : 0);
        return {};
      }
      if (kind == MetricKind::distinct_sketch) {
        const Distinct* d = reader.distinct(column.index, row);
        append_json_double(out_, d ? d->estimate_double() : 0);
        return {};
      }
    }
    RF_ASSIGN(const std::vector<Datum> values, page.data(column, row));
    if (values.size() != 1) out_ += '[';
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out_ += ',';
      append_json(out_, value_of(values[i]));
    }
    if (values.size() != 1) out_ += ']';
    return {};
  }

  Query& query_;
  std::vector<ScanColumn> columns_;
  bool compact_;
  size_t left_;
  size_t skip_;
  size_t written_ = 0;
  AnswerText answer_;
  std::string& out_;
};

}  // namespace

Result<std::string> run_scan(const JsonObject& json, Query& query) {
  RF_TRY(parse_query(json, false, query));
  const std::string format = text(json, "resultFormat", "list");
  if (format != "list" && format != "compactedList") {
    return Status::user(Code::unimplemented, fmt::format("resultFormat[{}] is not supported", format));
  }
  const std::string order = text(json, "order", "none");
  if (order == "descending") {
    return Status::user(Code::unimplemented, "A scan in descending order is not supported.");
  }
  constexpr size_t kMaxColumns = 10'000;
  if (items(find(json, "columns")).size() > kMaxColumns) {
    return Status::user(Code::resource_exhausted,
                        fmt::format("The scan names more than {} columns.", kMaxColumns));
  }
  return Scan(json, query).run();
}

}  // namespace rideflow::rollup
