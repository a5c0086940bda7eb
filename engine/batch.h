// Batch: up to a few thousand rows of one schema, with their event times. Built once, then moved, never
// edited.
//
// Beside the columns a batch may carry, each absent (and free) where unused:
//   event_time  int64 Micros per row; absent on streams without time
//   key_hash    uint64 per row, set where a stream is keyed; the exchange and the keyed tables both use it
//   behind      the few rows that are older than their own partition's watermark was before them, with that
//               watermark. Lateness is judged by it (docs/semantics.md), so it travels through every
//               exchange; the common batch carries nothing
//   origin      where the rows came from, as long as they are still source rows: kept up to the first
//   exchange or
//               window, so that a rejected or late row can be kept whole
//   row_kind    int8 per row, insert or retract; absent means all insert
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/column.h"
#include "engine/ids.h"

namespace rideflow {

enum class BehindReason : uint8_t { late, idle, new_partition };

struct BehindRow {
  int32_t row = 0;
  Micros partition_watermark = kNoTime;  // as it was before this row
  BehindReason reason = BehindReason::late;
};

// One record of a source, as it was read. `payload` points into the arena of its RecordChunk.
struct RecordOrigin {
  std::string_view payload;
  int64_t position = 0;  // offset in its partition, or byte offset in its file
  Micros timestamp = kNoTime;
  std::string_view key;
};

// A header of a record: a name, and bytes or null (value.data() == nullptr). Points into the chunk's arena.
struct RecordHeader {
  std::string_view name;
  std::string_view value;
};

// The records behind a batch; shared by all batches that were cut from one chunk.
struct Origin {
  std::shared_ptr<const std::string> topic;  // topic or file name
  Partition partition;
  BufferRef arena;
  std::vector<RecordOrigin> records;
  // Files: the first line of the file that the records are from, for formats whose files begin with a header;
  // that line is a record too, at position 0. Null elsewhere.
  std::shared_ptr<const std::string> first_line;
  // Headers of all records, one record after the other, and where each record's end; both empty where no
  // record has any or nobody asked for them.
  std::vector<RecordHeader> headers;
  std::vector<int32_t> header_ends;

  std::span<const RecordHeader> headers_of(size_t record) const {
    if (header_ends.empty()) return {};
    const size_t begin = record == 0 ? 0 : static_cast<size_t>(header_ends[record - 1]);
    return std::span(headers).subspan(begin, static_cast<size_t>(header_ends[record]) - begin);
  }
};

struct Batch {
  SchemaRef schema;
  int32_t rows = 0;
  std::vector<Column> columns;
  BufferRef event_time;
  BufferRef key_hash;
  BufferRef row_kind;
  std::vector<BehindRow> behind;  // sorted by row
  std::shared_ptr<const Origin> origin;
  BufferRef origin_row;  // int32 per row into origin->records; absent: row i is record i

  const Micros* event_times() const { return event_time.as<Micros>(); }
  // The record that row came from. REQUIRES: origin.
  size_t record_index(int32_t row) const {
    return static_cast<size_t>(origin_row ? origin_row.as<int32_t>()[row] : row);
  }
  const RecordOrigin& record(int32_t row) const { return origin->records[record_index(row)]; }
  const Column& column(int i) const { return columns[static_cast<size_t>(i)]; }
  size_t bytes() const;
};

// The rows of `rows` (ascending), with everything the batch carries.
Batch take(const Batch& batch, const int32_t* rows, int32_t n);
// One batch of all rows, in order. origin is dropped. REQUIRES: equal schemas, at least one part.
Batch concat(std::vector<Batch> parts);
// For tests and the console: a table of all values.
std::string to_string(const Batch& batch);

}  // namespace rideflow
