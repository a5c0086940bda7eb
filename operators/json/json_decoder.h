// JsonDecoder: records of one JSON object each, into columns.
//
// One rule of strictness, whatever columns are read: the whole record is one valid JSON object (RFC 8259) in
// valid UTF-8, at most 1 MiB, at most 128 deep, with nothing but white space around it; escapes are complete
// and surrogates paired. Of equal keys in one object the last counts. A missing field is null. A record that
// breaks the rule, or whose used fields do not fit their columns, is rejected whole.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/format.h"
#include "operators/column_writer.h"
#include "operators/json/json_scan.h"
#include "operators/json/json_shape.h"

namespace rideflow {

// A column or a nested field that is read: what it is, where it goes, and what the current record says.
struct JsonNode {
  const DecodeField* field = nullptr;
  std::string path;  // "pickup_location.lat"
  TimestampReader times;
  JsonToken token;  // type none: the record does not have it
  std::vector<JsonNode> children;
  // What the n-th key of the object was last time: most objects of a source look alike.
  struct Hint {
    std::string key;
    int child = -1;
  };
  std::vector<Hint> hints;

  // Of the records of a block; empty in lists.
  std::vector<JsonMark> marks;
  // Columns that most records have and most jobs read are converted many rows at a time.
  enum class Quick : uint8_t { none, text, number, time } quick = Quick::none;

  explicit JsonNode(const DecodeField* f, std::string p);
  bool is_structure() const { return field->field.type.kind == Kind::structure; }
};

class JsonDecoder : public Decoder {
 public:
  // `shapes`: records that look like earlier ones take the short way (operators/json/json_shape.h). The
  // answers are the same without; tests compare.
  explicit JsonDecoder(const DecoderSpec& spec, bool shapes = true);

  const JsonShapes& shapes() const { return shapes_; }

  SchemaRef schema() const override { return schema_; }
  Status decode(std::shared_ptr<const Origin> chunk, Decoded& out) override;

 private:
  static constexpr int32_t kBlock = 256;  // whose marks stay in the first-level cache

  void decode_records(Decoded& out);
  void read_block(int32_t begin, int32_t end, Decoded& out);
  int32_t read_known(int32_t begin, std::span<const RecordText> texts, size_t row);
  bool read_record(size_t row);
  bool read_in_full(std::string_view payload);
  bool read_object(JsonNode& node, int depth);
  static int child_of(JsonNode& node, const JsonToken& key, size_t ordinal);
  void reject_misfit(int32_t record, Decoded& out);
  void reject_misfits(Decoded& out);
  void drop_misfits(Batch& batch) const;

  void convert_block(JsonNode& node, ColumnWriter& out, int32_t rows);
  template <class T, class Read>
  void convert_marks(JsonNode& node, ColumnWriter& out, int32_t rows, Read read);
  void convert_mark(size_t row, JsonNode& node, ColumnWriter& out);
  bool convert(JsonNode& node, ColumnWriter& out);
  bool convert_object(JsonNode& node, ColumnWriter& out);
  bool convert_array(JsonNode& node, ColumnWriter& out);
  bool convert_string(JsonNode& node, ColumnWriter& out);
  bool convert_number(JsonNode& node, ColumnWriter& out);
  bool misfit(const JsonNode& node, std::string_view expected);
  bool reject(std::string reason, std::string place);

  DecoderSpec spec_;
  SchemaRef schema_;
  JsonNode root_;                      // children: the columns that are read
  std::vector<ColumnWriter> writers_;  // beside root_.children
  std::vector<bool> kept_;             // of them: not only validated
  bool use_shapes_;
  JsonShapes shapes_;
  JsonScanner scanner_{std::string_view()};
  std::span<const RecordOrigin> records_;
  std::vector<int32_t> record_of_;  // by row
  std::vector<int32_t> misfits_;    // rows that do not fit after all
  std::string_view payload_;
  std::string unescaped_;
  RejectedRecord rejected_;
};

}  // namespace rideflow
