// The format kind `csv`: one row per record (RFC 4180), in and out.
//
// A field in quotes may hold delimiters and doubled quotes; line breaks only where the reader keeps them in
// one record. A field without quotes that equals `null_text` is null, one in quotes never is; only an empty
// field of a string column that allows no null is the empty text. Around fields that are no strings blanks do
// not count. Columns stand in the order of the schema, or with `header: true` where the file's first line
// that is not empty says. A row has as many fields as the header, or the schema; else it is rejected, or of
// one with more the others are ignored. In files an empty line is a row where rows have one field (a null or
// an empty text), else nothing. A file whose header lacks a column that allows no null, or has a name twice,
// fits no row: that is an error of the file, not of each of its records.
#include <fmt/format.h>

#include <algorithm>

#include "engine/catalog.h"
#include "engine/json_writer.h"
#include "operators/option_spec.h"
#include "operators/record_text.h"
#include "operators/text_values.h"

namespace rideflow {
namespace {

struct CsvOptions {
  bool header = false;
  char delimiter = ',';
  char quote = '"';
  std::string null_text;
  bool ignore_extra = false;
};

Result<char> one_char(const Options& options, const std::string& name, char fallback) {
  const std::string text = options.text(name, std::string(1, fallback));
  if (text == "\\t" || text == "tab") return '\t';
  const bool good =
      text.size() == 1 && text[0] != '\n' && text[0] != '\r' && static_cast<signed char>(text[0]) > 0;
  if (good) return text[0];
  return Status::user(Code::invalid_argument, fmt::format("csv: '{}' must be one ASCII character", name));
}

Result<CsvOptions> csv_options(const Options& options) {
  CsvOptions csv;
  csv.header = options.flag("header");
  RF_ASSIGN(csv.delimiter, one_char(options, "delimiter", ','));
  RF_ASSIGN(csv.quote, one_char(options, "quote", '"'));
  if (csv.delimiter == csv.quote) {
    return Status::user(Code::invalid_argument, "csv: 'delimiter' and 'quote' must differ");
  }
  csv.null_text = options.text("null");
  const char special[] = {csv.delimiter, csv.quote, '\n', '\r'};
  if (csv.null_text.find_first_of(std::string_view(special, sizeof(special))) != std::string::npos) {
    return Status::user(Code::invalid_argument,
                        "csv: 'null' can't hold the delimiter, the quote or a line break");
  }
  csv.ignore_extra = options.text("extra_fields", "reject") == "ignore";
  return csv;
}

struct CsvField {
  std::string_view text;  // without its quotes; doubled quotes still doubled
  bool quoted = false;
  bool doubled = false;
};

// False, with a phrase, when the quotes are wrong.
bool split(std::string_view line, const CsvOptions& csv, std::vector<CsvField>& fields, const char*& error) {
  fields.clear();
  size_t at = 0;
  for (;;) {
    CsvField field;
    if (at < line.size() && line[at] == csv.quote) {
      field.quoted = true;
      const size_t begin = ++at;
      for (;;) {
        at = line.find(csv.quote, at);
        if (at == std::string_view::npos) {
          error = "a quote that is not closed";
          return false;
        }
        if (at + 1 >= line.size() || line[at + 1] != csv.quote) break;
        field.doubled = true;
        at += 2;
      }
      field.text = line.substr(begin, at++ - begin);
      if (at < line.size() && line[at] != csv.delimiter) {
        error = "text behind a closing quote";
        return false;
      }
    } else {
      const size_t begin = at;
      at = std::min(line.find(csv.delimiter, at), line.size());
      field.text = line.substr(begin, at - begin);
    }
    fields.push_back(field);
    if (at >= line.size()) return true;
    ++at;  // the delimiter; a line that ends in one has an empty last field
  }
}

std::string unquoted(const CsvField& field, char quote) {
  std::string out;
  for (size_t i = 0; i < field.text.size(); ++i) {
    out.push_back(field.text[i]);
    if (field.doubled && field.text[i] == quote) ++i;
  }
  return out;
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

class CsvDecoder : public Decoder {
 public:
  CsvDecoder(const DecoderSpec& spec, CsvOptions csv) : csv_(std::move(csv)), columns_(spec.columns) {
    std::vector<Field> fields;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const bool used = i < spec.used.size() && spec.used[i];
      if (used) fields.push_back(columns_[i].field);
      if (used || spec.validate_all)
        readers_.push_back({i, used, ColumnWriter(columns_[i].field.type), TimestampReader(columns_[i].zone),
                            static_cast<int>(i)});
    }
    schema_ = make_schema(std::move(fields));
    expected_fields_ = columns_.size();
  }

  SchemaRef schema() const override { return schema_; }

  Status decode(std::shared_ptr<const Origin> chunk, Decoded& out) override {
    chunk = with_arena(chunk);
    out = Decoded();
    out.batch.schema = schema_;
    RF_TRY(read_header(*chunk));
    const auto most = static_cast<int32_t>(chunk->records.size());
    for (Reader& reader : readers_) {
      reader.writer.share(chunk->arena);
      reader.writer.reserve(most);
    }
    decode_records(*chunk, out);
    for (Reader& reader : readers_) {
      Column column = reader.writer.finish();
      if (reader.kept) out.batch.columns.push_back(std::move(column));
    }
    out.batch.origin = std::move(chunk);
    return {};
  }

 private:
  struct Reader {
    size_t column;
    bool kept;
    ColumnWriter writer;
    TimestampReader times;
    int place;  // of its field in a row; -1: the header does not name it
  };

  Status read_header(const Origin& chunk) {
    if (!csv_.header || chunk.first_line == nullptr || chunk.first_line == header_line_) return {};
    std::string_view line = *chunk.first_line;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) return {};  // a file of empty lines
    const char* error = nullptr;
    if (!split(line, csv_, fields_, error))
      return header_error(chunk,
                          fmt::format("the header is no CSV: {} in field {}", error, fields_.size() + 1));
    std::vector<std::string> names;
    for (const CsvField& field : fields_) {
      const std::string name = unquoted(field, csv_.quote);
      names.emplace_back(field.quoted ? name : std::string(trimmed(name)));
    }
    RF_TRY(check_names(chunk, names));
    for (Reader& reader : readers_) {
      const Field& field = columns_[reader.column].field;
      const auto at = std::find(names.begin(), names.end(), field.name);
      reader.place = at == names.end() ? -1 : static_cast<int>(at - names.begin());
      if (reader.place < 0 && !field.nullable) return missing_column(chunk, field, names);
    }
    expected_fields_ = names.size();
    header_line_ = chunk.first_line;
    return {};
  }

  // Columns without a name are nobody's.
  static Status check_names(const Origin& chunk, const std::vector<std::string>& names) {
    for (auto name = names.begin(); name != names.end(); ++name) {
      const auto first = std::find(names.begin(), name, *name);
      if (name->empty() || first == name) continue;
      return header_error(chunk, fmt::format("the header has the column '{}' twice, as fields {} and {}: "
                                             "give each column of the file a name of its own",
                                             *name, first - names.begin() + 1, name - names.begin() + 1));
    }
    return {};
  }

  static Status missing_column(const Origin& chunk, const Field& field,
                               const std::vector<std::string>& names) {
    constexpr size_t kMostNames = 40;
    const auto end = names.begin() + static_cast<ptrdiff_t>(std::min(names.size(), kMostNames));
    const std::string others = end == names.end() ? "" : fmt::format(" and {} more", names.end() - end);
    return header_error(
        chunk,
        fmt::format("the header has no column '{}'; it has '{}'{}. Name the column in the schema as the "
                    "file does, or declare '{}: {}?' where it may be missing",
                    field.name, fmt::join(names.begin(), end, "', '"), others, field.name,
                    field.type.to_string()));
  }
  static Status header_error(const Origin& chunk, const std::string& message) {
    const Status status = Status::user(Code::invalid_argument, message);
    return chunk.topic ? Status(status).with(*chunk.topic) : status;
  }

  void decode_records(const Origin& chunk, Decoded& out) {
    const auto count = static_cast<int32_t>(chunk.records.size());
    std::vector<int32_t> kept;
    kept.reserve(chunk.records.size());
    for (int32_t i = 0; i < count; ++i) {
      const RecordOrigin& record = chunk.records[static_cast<size_t>(i)];
      if (chunk.first_line != nullptr && is_no_row(chunk.first_line, record)) {
        ++out.skipped;
        continue;
      }
      if (decode_record(record.payload)) {
        kept.push_back(i);
        continue;
      }
      rejected_.record = i;
      out.rejected.push_back(std::move(rejected_));
      for (Reader& reader : readers_) reader.writer.truncate(static_cast<int32_t>(kept.size()));
    }
    out.batch.rows = static_cast<int32_t>(kept.size());
    if (out.batch.rows < count) {
      const std::string_view bytes(reinterpret_cast<const char*>(kept.data()), kept.size() * sizeof(int32_t));
      out.batch.origin_row = BufferRef::copy_of(bytes);
    }
  }

  // Of a file: its header, lines before that, and empty lines where rows have more than one field.
  bool is_no_row(const std::shared_ptr<const std::string>& first_line, const RecordOrigin& record) {
    if (record.position == 0) awaited_header_ = csv_.header ? first_line : nullptr;
    const bool blank = record.payload.empty();
    const bool at_header = awaited_header_ == first_line;
    if (at_header && !blank) awaited_header_ = nullptr;
    return at_header || (blank && expected_fields_ != 1);
  }

  bool decode_record(std::string_view line) {
    if (line.size() > kMaxRowBytes) return reject("the row is larger than 1 MiB", "");
    if (!is_valid_record_text(line)) return reject("the row is not valid UTF-8", "");
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const char* error = nullptr;
    if (!split(line, csv_, fields_, error)) {
      return reject(fmt::format("invalid CSV: {}", error), fmt::format("field {}", fields_.size() + 1));
    }
    if (fields_.size() != expected_fields_ && !(csv_.ignore_extra && fields_.size() > expected_fields_)) {
      return reject(fmt::format("expected {} fields, found {}", expected_fields_, fields_.size()), "");
    }
    for (Reader& reader : readers_) {
      if (!append(reader)) return false;
    }
    return true;
  }

  bool append(Reader& reader) {
    const DecodeField& column = columns_[reader.column];
    const Field& field = column.field;
    if (reader.place < 0) {
      reader.writer.append_null();  // read_header() let no other pass
      return true;
    }
    const CsvField& cell = fields_[static_cast<size_t>(reader.place)];
    const bool is_string = field.type.kind == Kind::string;
    const std::string_view text = is_string ? cell.text : trimmed(cell.text);
    const bool empty_text = is_string && text.empty() && !field.nullable;
    if (!cell.quoted && is_null(cell.text, is_string) && !empty_text) {
      if (field.nullable) {
        reader.writer.append_null();
        return true;
      }
      return reject(fmt::format("column '{}' is null; a type that ends in '?' would allow that", field.name),
                    fmt::format("field {}", reader.place + 1));
    }
    const std::string expected = append_cell(reader, column, cell, text);
    if (expected.empty()) return true;
    return reject(
        fmt::format("column '{}': expected {}, found '{}'", field.name, expected, text.substr(0, 40)),
        fmt::format("field {}", reader.place + 1));
  }

  bool is_null(std::string_view field, bool is_string) const {
    return field == csv_.null_text || (!is_string && trimmed(field) == trimmed(csv_.null_text));
  }

  std::string append_cell(Reader& reader, const DecodeField& column, const CsvField& cell,
                          std::string_view text) {
    if (cell.doubled) {
      return append_text(column, reader.times, unquoted(cell, csv_.quote), false, reader.writer);
    }
    const Type& type = column.field.type;
    if (type.kind == Kind::boolean) return append_boolean(text, reader.writer);
    return append_text(column, reader.times, text, true, reader.writer);
  }

  static std::string append_boolean(std::string_view text, ColumnWriter& out) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const bool yes = lower == "true" || lower == "t" || lower == "yes" || lower == "y" || lower == "1";
    const bool no = lower == "false" || lower == "f" || lower == "no" || lower == "n" || lower == "0";
    if (!yes && !no) return "true or false";
    out.append_bool(yes);
    return {};
  }

  bool reject(std::string reason, std::string place) {
    rejected_.reason = std::move(reason);
    rejected_.place = std::move(place);
    return false;
  }

  static constexpr size_t kMaxRowBytes = size_t{1} << 20;

  CsvOptions csv_;
  std::vector<DecodeField> columns_;
  SchemaRef schema_;
  std::vector<Reader> readers_;
  size_t expected_fields_ = 0;
  std::shared_ptr<const std::string> header_line_;
  std::shared_ptr<const std::string> awaited_header_;  // no line of its file was there that is not empty
  std::vector<CsvField> fields_;
  RejectedRecord rejected_;
};

class CsvEncoder : public Encoder {
 public:
  CsvEncoder(SchemaRef schema, CsvOptions csv) : schema_(std::move(schema)), csv_(std::move(csv)) {}

  std::string header() const override {
    if (!csv_.header) return {};
    std::string line;
    for (int i = 0; i < schema_->size(); ++i) {
      if (i > 0) line.push_back(csv_.delimiter);
      const std::string& name = schema_->field(i).name;
      append_text(line, name, trimmed(name).size() < name.size());
    }
    return line + "\n";
  }

  std::string extension() const override { return "csv"; }

  void encode(const Batch& batch, int32_t row, bool framed, std::string& out) override {
    for (size_t c = 0; c < batch.columns.size(); ++c) {
      if (c > 0) out.push_back(csv_.delimiter);
      append_cell(out, batch.columns[c], row);
    }
    if (framed) out.push_back('\n');
  }

 private:
  void append_cell(std::string& out, const Column& column, int32_t row) {
    if (column.is_null(row)) {
      out += csv_.null_text;
      return;
    }
    if (column.type.kind == Kind::string) {
      // A row of one empty text would be an empty line, which many readers skip.
      const std::string_view text = column.string(row);
      return append_text(out, text, text.empty() && schema_->size() == 1);
    }
    cell_.clear();
    JsonWriter(cell_).cell(column, row);
    std::string_view text = cell_;
    if (text == "null") {  // NaN and infinities
      out += csv_.null_text;
      return;
    }
    if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
    append_text(out, text, false);
  }

  // In quotes when it would be read as something else without, or `quoted`.
  void append_text(std::string& out, std::string_view text, bool quoted) const {
    const char special[] = {csv_.delimiter, csv_.quote, '\n', '\r', '\0'};
    quoted = quoted || text.find_first_of(special) != std::string_view::npos ||
             text.starts_with("\xef\xbb\xbf") ||  // a byte order mark at the start of a file is left out
             trimmed(text) == trimmed(csv_.null_text);
    if (!quoted) {
      out += text;
      return;
    }
    out.push_back(csv_.quote);
    for (const char c : text) {
      out.push_back(c);
      if (c == csv_.quote) out.push_back(c);
    }
    out.push_back(csv_.quote);
  }

  SchemaRef schema_;
  CsvOptions csv_;
  std::string cell_;
};

OptionErrors check_csv(const Options& options, std::span<const DecodeField> columns) {
  OptionErrors errors;
  const Result<CsvOptions> csv = csv_options(options);
  if (!csv.ok()) errors.push_back({"quote", csv.status().message(), {}, {}});
  for (const DecodeField& column : columns) {
    const Type& type = column.field.type;
    if (type.kind != Kind::list && type.kind != Kind::structure) continue;
    errors.push_back({{},
                      fmt::format("a field of CSV can't hold a {}: declare a string and take it apart with "
                                  "json_value(), or read JSON",
                                  type.to_string()),
                      column.pos,
                      column.field.name});
  }
  return errors;
}

Framing csv_framing(const Options& options) {
  const Result<CsvOptions> csv = csv_options(options);
  return csv.ok() ? Framing{csv->quote, csv->delimiter} : Framing{};
}

Result<std::unique_ptr<Decoder>> make_decoder(const DecoderSpec& spec, const Options& options) {
  RF_ASSIGN(CsvOptions csv, csv_options(options));
  if (const OptionErrors errors = check_csv(options, spec.columns); !errors.empty())
    return Status::user(Code::invalid_argument, "csv: " + errors[0].message);
  return std::unique_ptr<Decoder>(std::make_unique<CsvDecoder>(spec, std::move(csv)));
}

Result<std::unique_ptr<Encoder>> make_encoder(SchemaRef schema, const Options& options) {
  RF_ASSIGN(CsvOptions csv, csv_options(options));
  return std::unique_ptr<Encoder>(std::make_unique<CsvEncoder>(std::move(schema), std::move(csv)));
}

}  // namespace
}  // namespace rideflow

RIDEFLOW_REGISTER(csv_format) {
  using rideflow::OptionType;
  rideflow::FormatKind kind;
  kind.name = "csv";
  kind.doc = "Rows of fields between delimiters, with quotes where needed (RFC 4180).";
  const auto one_char = [](rideflow::OptionSpec spec) {
    return rideflow::with_pattern(std::move(spec), "[\\x01-\\x09\\x0b\\x0c\\x0e-\\x7f]|\\\\t|tab",
                                  "one ASCII character, or tab");
  };
  const auto extra_fields = [] {
    auto spec = rideflow::option_spec(
        "extra_fields", OptionType::choice,
        "What becomes of a row with more fields than the header, or the schema: it is rejected, or the "
        "fields beyond are ignored.",
        "reject");
    spec.choices = {"reject", "ignore"};
    return spec;
  };
  kind.options = {
      rideflow::option_spec("header", OptionType::boolean,
                            "The first line of a file that is not empty names its columns, each once. One "
                            "that lacks a column of the schema that allows "
                            "no null stops the job; where null is allowed, the column is null.",
                            "false"),
      one_char(rideflow::option_spec("delimiter", OptionType::string,
                                     "Between fields; '\\t' or tab for tabulators.", ",")),
      one_char(rideflow::option_spec("quote", OptionType::string,
                                     "Around fields that hold delimiters or line breaks; doubled inside.",
                                     "\"")),
      rideflow::option_spec("null", OptionType::string,
                            "What stands for null when it is not in quotes; in quotes it is text. An empty "
                            "field of a string column that allows no null is the empty text.",
                            ""),
      extra_fields(),
  };
  kind.check = rideflow::check_csv;
  kind.framing = rideflow::csv_framing;
  kind.make_decoder = rideflow::make_decoder;
  kind.make_encoder = rideflow::make_encoder;
  catalog.add(std::move(kind));
}
