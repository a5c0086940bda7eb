#include "engine/rejected.h"

#include <fmt/format.h>

#include <unordered_set>

#include "engine/builder.h"
#include "engine/json_writer.h"
#include "engine/utf8.h"

namespace rideflow {

namespace {

enum RejectedColumn { kRaw, kRawBase64, kTopic, kPartition, kOffset, kTimestamp, kStep, kReason, kPlace };

class RejectedBuilder {
 public:
  explicit RejectedBuilder(std::string_view step) : step_(step) {
    for (const Field& field : rejected_schema()->fields()) columns_.emplace_back(field.type);
  }

  void add_origin(const Origin& origin, const RecordOrigin& record) {
    add_raw(record.payload);
    if (origin.topic) {
      at(kTopic).append_string(*origin.topic);
    } else {
      at(kTopic).append_null();
    }
    at(kPartition).append(origin.partition.value);
    at(kOffset).append(record.position);
    if (record.timestamp == kNoTime) {
      at(kTimestamp).append_null();
    } else {
      at(kTimestamp).append(record.timestamp);
    }
  }

  void add_row_text(std::string_view json) {
    add_raw(json);
    for (const int column : {kTopic, kPartition, kOffset, kTimestamp}) at(column).append_null();
  }

  void add_reason(std::string_view reason, std::string_view place) {
    at(kStep).append_string(step_);
    at(kReason).append_string(reason);
    if (place.empty()) {
      at(kPlace).append_null();
    } else {
      at(kPlace).append_string(place);
    }
  }

  Batch finish() {
    Batch batch;
    batch.schema = rejected_schema();
    batch.rows = at(kRaw).size();
    for (ColumnBuilder& column : columns_) batch.columns.push_back(column.finish());
    return batch;
  }

 private:
  // As text where it is some: most records are. A record without a value has neither.
  void add_raw(std::string_view raw) {
    const bool text = is_valid_utf8(raw);
    if (text && raw.data() != nullptr) {
      at(kRaw).append_string(raw);
    } else {
      at(kRaw).append_null();
    }
    if (text) {
      at(kRawBase64).append_null();
    } else {
      at(kRawBase64).append_string(base64_encode(raw));
    }
  }
  ColumnBuilder& at(int column) { return columns_[static_cast<size_t>(column)]; }
  std::string step_;
  std::vector<ColumnBuilder> columns_;
};

}  // namespace

SchemaRef rejected_schema() {
  static const SchemaRef schema = make_schema({{"_raw", Kind::string, true},
                                               {"_raw_base64", Kind::string, true},
                                               {"_topic", Kind::string, true},
                                               {"_partition", Kind::int32, true},
                                               {"_offset", Kind::int64, true},
                                               {"_timestamp", Kind::timestamp, true},
                                               {"_step", Kind::string, false},
                                               {"_reason", Kind::string, false},
                                               {"_place", Kind::string, true}});
  return schema;
}

Batch rejected_records(const Origin& chunk, const std::vector<RejectedRecord>& records,
                       std::string_view step) {
  RejectedBuilder builder(step);
  for (const RejectedRecord& rejected : records) {
    builder.add_origin(chunk, chunk.records[static_cast<size_t>(rejected.record)]);
    builder.add_reason(rejected.reason, rejected.place);
  }
  return builder.finish();
}

Batch rejected_rows(const Batch& batch, const RowErrors& errors, std::string_view step,
                    std::string_view place) {
  RejectedBuilder builder(step);
  std::unordered_set<int32_t> seen;
  std::string json;
  for (const RowErrors::Error& error : errors.all()) {
    if (!seen.insert(error.row).second) continue;
    if (batch.origin) {
      builder.add_origin(*batch.origin, batch.record(error.row));
    } else {
      json.clear();
      append_row_json(json, batch, error.row);
      builder.add_row_text(json);
    }
    builder.add_reason(error.reason, place);
  }
  return builder.finish();
}

namespace {

// A line at most, whatever the bytes are.
std::string beginning(std::string_view raw) {
  constexpr size_t kMost = 200;
  std::string out;
  append_json_string(out, raw.substr(0, kMost));
  return raw.size() > kMost ? out + "…" : out;
}

}  // namespace

std::string record_text(const Origin& origin, const RecordOrigin& record) {
  return fmt::format("record {} of partition {} of '{}', {}", record.position, origin.partition.value,
                     origin.topic ? *origin.topic : std::string(), beginning(record.payload));
}

std::string row_text(const Batch& batch, int32_t row) {
  if (batch.origin) return record_text(*batch.origin, batch.record(row));
  std::string json;
  append_row_json(json, batch, row);
  return "the row " + beginning(json);
}

SchemaRef late_schema(const Schema& input) {
  std::vector<Field> fields = input.fields();
  fields.push_back({"window_start", Kind::timestamp, false});
  fields.push_back({"window_end", Kind::timestamp, false});
  fields.push_back({"_topic", Kind::string, true});
  fields.push_back({"_partition", Kind::int32, true});
  fields.push_back({"_offset", Kind::int64, true});
  fields.push_back({"_timestamp", Kind::timestamp, true});
  fields.push_back({"_reason", Kind::string, false});
  return make_schema(std::move(fields));
}

}  // namespace rideflow
