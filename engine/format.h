// Formats: how raw records become columns, and rows become bytes.
//
// A Decoder gets the records of one chunk and the columns that the job uses, nothing else is decoded or
// validated (unless `validate: all`). A record that does not fit becomes a RejectedRecord with its reason and
// place and no row; it never fails the batch. An Encoder writes rows. Both are single-threaded; one per task.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/expr.h"
#include "engine/text_pos.h"
#include "engine/time.h"

namespace rideflow {

enum class TimeUnit : uint8_t { text, seconds, millis, micros };

// A column of a source's schema: a field plus what its bytes look like.
struct DecodeField {
  Field field;
  TimeUnit unit = TimeUnit::text;     // timestamp(s|ms|us): JSON numbers of that unit
  bool number_in_text = false;        // double(text), int64(text): the number stands in a string
  const TimeZone* zone = nullptr;     // of timestamps without an offset; null: UTC
  std::vector<DecodeField> children;  // of structures: same order as the type's fields; of lists: one
  TextPos pos;
};

// Parses "timestamp(ms)?", "double(text)", "struct(lat double, lon double)?", or any plain type.
Result<DecodeField> parse_decode_field(std::string_view name, std::string_view type_text);

struct DecoderSpec {
  std::vector<DecodeField> columns;  // every column of the source's schema
  std::vector<bool> used;            // which of them the job reads; nested pruning may come later
  bool validate_all = false;
  int event_time = -1;  // index of the event-time column among `columns`, or -1
};

// Where the records of a format end in a file: at a line break, unless it stands in quotes.
struct Framing {
  char quote = '\0';  // opens a field, and closes it when it is not doubled; '\0': every line break counts
  char delimiter = ',';
};

struct RejectedRecord {
  int32_t record = 0;  // index in the chunk
  std::string reason;  // "field 'fare': expected a number, found a string"
  std::string place;   // "byte 132" or "column fare"
};

struct Decoded {
  // Columns: the used ones, in schema order; batch.origin and origin_row are set, event_time is not.
  Batch batch;
  std::vector<RejectedRecord> rejected;
  int32_t skipped = 0;  // records that are no rows by the format's own rule: a file's header
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual SchemaRef schema() const = 0;  // of the batches: the used columns
  virtual Status decode(std::shared_ptr<const Origin> chunk, Decoded& out) = 0;
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  // Bytes at the start of every file ("" for most; CSV's header).
  virtual std::string header() const { return {}; }
  // Of the names of files: "json", "csv".
  virtual std::string extension() const { return "json"; }
  // Appends one row, with the record separator when the format has one and `framed` is set (files).
  virtual void encode(const Batch& batch, int32_t row, bool framed, std::string& out) = 0;
};

}  // namespace rideflow
