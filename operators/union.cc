// union: the rows of several streams as one. Columns are matched by name; one that a stream lacks is null
// there; types must agree.
#include <fmt/format.h>

#include "engine/catalog.h"

namespace rideflow {

namespace {

Result<SchemaRef> union_schema(const StepConfig& config) {
  std::vector<Field> fields;
  for (const SchemaRef& input : config.inputs) {
    for (const Field& field : input->fields()) {
      const auto same = [&](const Field& f) { return f.name == field.name; };
      const auto at = std::find_if(fields.begin(), fields.end(), same);
      if (at == fields.end()) {
        fields.push_back(field);
      } else if (!(at->type == field.type)) {
        return Status::user(
            Code::invalid_argument,
            fmt::format("Column '{}' is {} in one stream of the union and {} in another; cast one "
                        "of them in a select before.",
                        field.name, at->type.to_string(), field.type.to_string()));
      } else {
        at->nullable = at->nullable || field.nullable;
      }
    }
  }
  for (Field& field : fields) {
    for (const SchemaRef& input : config.inputs) field.nullable = field.nullable || !input->find(field.name);
  }
  return make_schema(std::move(fields));
}

class Union : public Operator {
 public:
  Union(const StepConfig& config, SchemaRef schema) : schema_(std::move(schema)) {
    for (const SchemaRef& input : config.inputs) {
      std::vector<int>& columns = columns_.emplace_back();
      for (const Field& field : schema_->fields()) columns.push_back(input->find(field.name).value_or(-1));
    }
  }

  Result<Progress> process(int input_port, Batch& batch, Output& out) override {
    std::vector<Column> columns;
    const std::vector<int>& from = columns_[static_cast<size_t>(input_port)];
    for (size_t i = 0; i < from.size(); ++i) {
      columns.push_back(from[i] >= 0 ? batch.column(from[i])
                                     : null_column(schema_->field(static_cast<int>(i)).type, batch.rows));
    }
    batch.columns = std::move(columns);
    batch.schema = schema_;
    batch.key_hash = {};
    out.emit(0, std::move(batch));
    return Progress::done;
  }

 private:
  SchemaRef schema_;
  std::vector<std::vector<int>> columns_;  // by input: for each output column the input's, or -1
};

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(union_streams) {
  using namespace rideflow;
  OperatorKind kind;
  kind.name = "union";
  kind.doc = "The rows of several streams as one; columns by name, missing ones null.";
  kind.of_clauses = true;
  kind.in_pictures = true;
  kind.output_schemas = [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    RF_ASSIGN(SchemaRef schema, union_schema(config));
    return std::vector<SchemaRef>{std::move(schema)};
  };
  kind.make = [](std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
    RF_ASSIGN(SchemaRef schema, union_schema(*config));
    return std::unique_ptr<Operator>(std::make_unique<Union>(*config, std::move(schema)));
  };
  catalog.add(std::move(kind));
}
