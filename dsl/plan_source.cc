#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dsl/expression_binder.h"
#include "dsl/expression_types.h"
#include "dsl/futile.h"
#include "dsl/option_checker.h"
#include "dsl/plan_parts.h"
#include "engine/rejected.h"

namespace rideflow {

namespace {

struct MetadataColumn {
  Metadata metadata;
  std::string_view name;
  Kind kind;
  bool nullable;
};
constexpr std::array<MetadataColumn, 6> kMetadata = {{
    {Metadata::topic, "_topic", Kind::string, false},
    {Metadata::partition, "_partition", Kind::int32, false},
    {Metadata::offset, "_offset", Kind::int64, false},
    {Metadata::timestamp, "_timestamp", Kind::timestamp, true},
    {Metadata::key, "_key", Kind::string, true},
    {Metadata::headers, "_headers", Kind::list, false},
}};

// A record may carry several headers of one name: pairs, not a map.
Field field_of(const MetadataColumn& column) {
  Type type(column.kind);
  if (column.metadata == Metadata::headers) {
    type = Type::list(Type::structure({{"key", Kind::string, false}, {"value", Kind::bytes, true}}), false);
  }
  return {std::string(column.name), std::move(type), column.nullable};
}

class SourcePlanner {
 public:
  SourcePlanner(PlanBuilder& builder, const SpecSource& source, const ColumnDemand& demand, bool decode_all)
      : builder_(builder),
        source_(source),
        demand_(demand),
        decode_all_(decode_all),
        path_("sources." + source.name) {}

  std::optional<Rows> run() {
    const SourceKind* kind = builder_.catalog().find_source(source_.connector.kind);
    const size_t errors = builder_.diagnostics().errors().size();
    if (kind) connector(*kind);
    if (!columns(kind) || node_.decoder.columns.empty()) return unknown();
    event_time(kind);
    if (kind && builder_.diagnostics().errors().size() == errors) check_config(*kind);
    if (!kind || builder_.diagnostics().errors().size() > errors || has_broken_column()) return partial();
    node_.start = source_.start;
    node_.start_time = source_.start_time;
    node_.until = source_.until;
    node_.bad_records = source_.bad_records;
    return add();
  }

 private:
  void connector(const SourceKind& kind) {
    node_.kind = &kind;
    node_.config.source = source_.name;
    node_.config.job = builder_.spec().job;
    const OptionContext context = {builder_.catalog(), *builder_.spec().document, builder_.diagnostics(),
                                   nullptr};
    node_.config.options = check_options(kind.options, source_.connector.options, source_.connector.pos,
                                         dotted(path_, kind.name), context, engine_options(kind));
    if (kind.topics)
      node_.config.cluster =
          check_options(kafka_option_specs(builder_.catalog()), builder_.spec().kafka, {}, "kafka", context);
    format(context);
  }

  bool has_broken_column() const {
    const auto& columns = node_.decoder.columns;
    return std::any_of(columns.begin(), columns.end(),
                       [](const DecodeField& c) { return c.field.type.kind == Kind::null; });
  }

  // No column is known: whatever its readers name is taken to be there, so that the rest of them is checked.
  Rows unknown() {
    for (const std::string& name : demand_.names) {
      if (!is_metadata(name)) node_.decoder.columns.emplace_back().field = {name, Type(), true};
    }
    return partial();
  }

  // Its columns, so that the steps which read it can be checked too.
  Rows partial() const {
    Rows rows;
    std::vector<Field> fields;
    for (const DecodeField& column : node_.decoder.columns) fields.push_back(column.field);
    for (const MetadataColumn& metadata : kMetadata) {
      if (!demand_.names.contains(std::string(metadata.name))) continue;
      fields.push_back(field_of(metadata));
      rows.hidden.emplace(metadata.name);
    }
    rows.schema = make_schema(std::move(fields));
    rows.has_event_time = !source_.event_time.column.empty() || !node_.kind || node_.kind->has_timestamp;
    rows.source = source_.name;
    rows.bad_records = source_.bad_records;
    rows.partial = true;
    return rows;
  }

  void error(TextPos pos, std::string_view key, std::string message) {
    builder_.error(pos, dotted(path_, key), std::move(message));
  }

  // `start` and `until` were read by the loader where the kind has none of its own.
  static std::vector<std::string> engine_options(const SourceKind& kind) {
    if (!kind.has_timestamp) return {};
    return {"start", "until"};
  }

  // What the kinds say themselves of options that are right each for itself.
  void check_config(const SourceKind& kind) {
    if (node_.format && node_.format->check) {
      const TextPos pos = source_.format ? source_.format->pos : source_.pos;
      const std::string path = dotted(path_, "format." + node_.format->name);
      for (const OptionError& e : node_.format->check(node_.format_options, node_.decoder.columns)) {
        if (e.column.empty())
          add_option_errors({e}, node_.format_options, pos, path, builder_.diagnostics());
        else
          error(e.pos.line ? e.pos : pos, dotted("schema", e.column), e.message);
      }
    }
    if (node_.format && node_.format->framing)
      node_.config.framing = node_.format->framing(node_.format_options);
    if (kind.check)
      add_option_errors(kind.check(node_.config), node_.config.options, source_.connector.pos,
                        dotted(path_, kind.name), builder_.diagnostics());
  }

  void format(const OptionContext& context) {
    const std::string name = source_.format ? source_.format->kind : "json";
    const TextPos pos = source_.format ? source_.format->pos : source_.pos;
    node_.format = builder_.catalog().find_format(name);
    if (!node_.format || !node_.format->make_decoder) {
      error(pos, "format", fmt::format("the format '{}' can't be read", name));
      return;
    }
    node_.format_options =
        check_options(node_.format->options, source_.format ? source_.format->options : YamlNode{}, pos,
                      dotted(path_, "format." + name), context);
  }

  bool columns(const SourceKind* kind) {
    std::vector<DecodeField>& columns = node_.decoder.columns;
    columns = source_.schema;
    if (!source_.has_schema) {
      if (!kind) return false;
      if (!kind->has_schema) {
        error(source_.pos, "", "'schema' is missing: name the columns and their types");
        return false;
      }
      Result<std::vector<DecodeField>> own = kind->schema(node_.config);
      if (!own.ok()) {
        error(source_.connector.pos, kind->name, own.status().message());
        return false;
      }
      columns = *std::move(own);
    } else if (kind && kind->has_schema && !columns.empty()) {
      const Result<std::vector<DecodeField>> own = kind->schema(node_.config);
      if (own.ok()) warn_of_foreign_columns(columns, *own, dotted(path_, "schema"), builder_.diagnostics());
    } else if (columns.empty()) {
      // It is no map, which was told, or there is none.
      if (builder_.diagnostics().ok()) error(source_.schema_pos, "schema", "the schema has no columns");
      return false;
    }
    return true;
  }

  int find_column(std::string_view name) const {
    const auto& columns = node_.decoder.columns;
    const auto it = std::find_if(columns.begin(), columns.end(),
                                 [&](const DecodeField& c) { return c.field.name == name; });
    return it == columns.end() ? -1 : static_cast<int>(it - columns.begin());
  }

  void event_time(const SourceKind* kind) {
    node_.event_time = source_.event_time;
    // Files have no time of their own to compare with.
    if (kind && !kind->has_timestamp && !source_.max_ahead_given) node_.event_time.max_ahead = 0;
    const std::string& name = source_.event_time.column;
    if (name.empty()) return;
    node_.decoder.event_time = find_column(name);
    std::vector<std::string> names;
    for (const DecodeField& column : node_.decoder.columns) names.push_back(column.field.name);
    if (node_.decoder.event_time < 0) {
      error(source_.event_time_pos, "event_time.column",
            with_suggestion(fmt::format("unknown column '{}'", name), name, names));
      return;
    }
    const Type& type = node_.decoder.columns[static_cast<size_t>(node_.decoder.event_time)].field.type;
    if (type.kind == Kind::timestamp || type.kind == Kind::null) return;
    error(source_.event_time_pos, "event_time.column",
          fmt::format("'{}' is {}, event time must be a timestamp (numbers: timestamp(s), timestamp(ms) or "
                      "timestamp(us))",
                      name, with_article(type)));
  }

  Rows add() {
    Rows rows;
    node_.decoder.validate_all = source_.validate_all;
    std::vector<Field> fields;
    for (const DecodeField& column : node_.decoder.columns) {
      const bool used = decode_all_ || demand_.all || demand_.names.contains(column.field.name);
      node_.decoder.used.push_back(used);
      if (used) fields.push_back(column.field);
    }
    for (const MetadataColumn& metadata : kMetadata) {
      if (!demand_.names.contains(std::string(metadata.name))) continue;
      node_.metadata.push_back(metadata.metadata);
      if (metadata.metadata == Metadata::headers) node_.config.headers = true;
      fields.push_back(field_of(metadata));
      rows.hidden.emplace(metadata.name);
    }
    rows.schema = make_schema(std::move(fields));
    rows.has_event_time = node_.decoder.event_time >= 0 || node_.kind->has_timestamp;
    rows.source = source_.name;
    rows.bad_records = source_.bad_records;
    const std::vector<SchemaRef> outputs = {rows.schema, rejected_schema()};
    rows.at = {builder_.add_source(source_, std::move(node_), outputs, rows.has_event_time), 0};
    return rows;
  }

  PlanBuilder& builder_;
  const SpecSource& source_;
  const ColumnDemand& demand_;
  const bool decode_all_;
  const std::string path_;
  SourceNode node_;
};

}  // namespace

std::optional<Rows> plan_source(PlanBuilder& builder, const SpecSource& source, const ColumnDemand& demand,
                                bool decode_all) {
  return SourcePlanner(builder, source, demand, decode_all).run();
}

bool is_metadata(std::string_view name) {
  return std::any_of(kMetadata.begin(), kMetadata.end(),
                     [name](const MetadataColumn& column) { return column.name == name; });
}

}  // namespace rideflow
