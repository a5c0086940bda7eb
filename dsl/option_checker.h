// Checks what stands under a connector's, format's or operator's name against its option specs.
#pragma once

#include <string>
#include <vector>

#include "dsl/diagnostics.h"
#include "dsl/yaml_document.h"
#include "engine/catalog.h"

namespace rideflow {

struct OptionContext {
  const Catalog& catalog;
  const YamlDocument& document;
  Diagnostics& diagnostics;
  SchemaRef schema;  // of the rows that columns and expressions are about; null: such options are skipped
};

// `extra` are keys that the caller reads itself. Defaults are filled in.
Options check_options(const std::vector<OptionSpec>& specs, const YamlNode& node, TextPos pos,
                      const std::string& path, const OptionContext& context,
                      const std::vector<std::string>& extra = {});

// {env: NAME} or {file: path}; anything else is an error.
bool read_secret(const YamlNode& node, TextPos pos, const std::string& path, Diagnostics& diagnostics,
                 SecretRef& out);
// Whether values under this key must never stand in a job file: "password", "sasl.password", "api_token".
bool is_secret_name(std::string_view key);

// Names of columns that these options read.
void collect_option_columns(const std::vector<OptionSpec>& specs, const YamlNode& node,
                            const YamlDocument& document, std::vector<std::string>& out);

// What a kind's own check said, at the options that it is about; `pos` is the kind's place in the job.
void add_option_errors(const OptionErrors& errors, const Options& options, TextPos pos,
                       const std::string& path, Diagnostics& diagnostics);

// The options of the job's `kafka:` section.
std::vector<OptionSpec> kafka_option_specs(const Catalog& catalog);

}  // namespace rideflow
