#include "operators/topic_options.h"

#include "engine/json_writer.h"
#include "operators/kafka/kafka_topic.h"
#include "operators/option_spec.h"

namespace rideflow {
bool uses_kafka(const Options& cluster) {
  return !cluster.text("brokers").empty();
}

namespace {

// Kafka's rule, which topics in the data directory share.
OptionSpec name_option() {
  return with_pattern(required_option("name", OptionType::string, "The topic's name."),
                      "(?!\\.\\.?$)[a-zA-Z0-9._-]{1,249}",
                      "1 to 249 letters, digits, '.', '_' and '-', but not '.' or '..'");
}

OptionSpec partitions_option() {
  return with_range(
      option_spec("partitions", OptionType::integer,
                  "Partitions of a topic that is made here on first use; an existing topic keeps its own.",
                  "4"),
      1, kMostPartitions);
}

OptionSpec properties_option() {
  OptionSpec spec =
      option_spec("properties", OptionType::string_map, "Further settings of the Kafka client.");
  spec.choices = kafka_properties();
  spec.limits.rule =
      "only safe properties can; security has options of its own under kafka: security, mechanism, username, "
      "password, ca_file";
  return spec;
}

}  // namespace

std::vector<OptionSpec> topic_source_options() {
  std::vector<OptionSpec> specs = {
      name_option(),
      partitions_option(),
      option_spec("on_gap", OptionType::choice,
                  "What to do when the next offset is gone (retention): fail, or skip to the first one left.",
                  "fail"),
      properties_option(),
  };
  specs[2].choices = {"fail", "skip"};
  return specs;
}

std::vector<OptionSpec> topic_sink_options() {
  std::vector<OptionSpec> specs = {
      name_option(),
      option_spec("key", OptionType::column_list,
                  "Columns of the record's key: one string column as it is, otherwise a JSON object."),
      partitions_option(),
      option_spec("delivery", OptionType::choice,
                  "exactly_once (topics in the data directory; the default there) or at_least_once (Kafka)."),
      properties_option(),
  };
  specs[3].choices = {"exactly_once", "at_least_once"};
  return specs;
}

std::optional<std::string_view> RecordKey::of(const Batch& batch, int32_t row) {
  bool any = false;
  for (const int c : columns_) any = any || !batch.column(c).is_null(row);
  if (!any) return std::nullopt;
  if (columns_.size() == 1 && batch.column(columns_[0]).type.kind == Kind::string) {
    return batch.column(columns_[0]).string(row);
  }
  text_.clear();
  JsonWriter json(text_);
  json.begin_object();
  for (const int c : columns_) json.key(batch.schema->field(c).name).cell(batch.column(c), row);
  json.end_object();
  return text_;
}

}  // namespace rideflow
