#include "dsl/option_checker.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dsl/aggregate_binder.h"
#include "dsl/expression_binder.h"
#include "dsl/expression_lexer.h"
#include "dsl/job_loader.h"
#include "dsl/map_reader.h"
#include "dsl/option_limits.h"
#include "dsl/scalars.h"

namespace rideflow {

namespace {

class OptionReader {
 public:
  OptionReader(const OptionSpec& spec, std::string path, TextPos pos, const OptionContext& context)
      : spec_(spec), path_(std::move(path)), pos_(pos), context_(context) {}

  std::optional<OptionValue> read(const YamlNode& given) {
    // Where a text is wanted, the word null is one: `null: NULL` of CSV.
    YamlNode node = given;
    const bool word = node.is_null() && !node.text.empty() && node.pos.line == pos_.line;
    if (word && spec_.type == OptionType::string) node.kind = YamlNode::Kind::scalar;
    out_.pos = node.is_null() ? pos_ : node.pos;
    const size_t errors = context_.diagnostics.errors().size();
    if (!dispatch(node) || !check_range(node) || context_.diagnostics.errors().size() > errors)
      return std::nullopt;
    return std::move(out_);
  }

 private:
  void error(TextPos pos, std::string message) { context_.diagnostics.error(pos, path_, std::move(message)); }

  // False: the option is left out.
  bool dispatch(const YamlNode& node) {
    switch (spec_.type) {
      case OptionType::secret:
        return read_secret(node, pos_, path_, context_.diagnostics, out_.secret);
      case OptionType::string_list:
      case OptionType::column_list:
        return list(node);
      case OptionType::string_map:
        return string_map(node);
      case OptionType::expression:
        return expression(node);
      case OptionType::expression_map:
      case OptionType::aggregate_map:
        return expression_map(node);
      case OptionType::any:
        return any(node);
      default:
        if (!need_scalar(node, pos_, path_, what(), context_.diagnostics)) return false;
        return scalar(node);
    }
  }

  bool check_range(const YamlNode& node) {
    double value = 0;
    if (spec_.type == OptionType::duration) {
      if (!is_limited()) return true;
      if (!out_.duration.is_fixed()) {
        error(out_.pos, "months and years have no fixed length: write days");
        return false;
      }
      value = static_cast<double>(out_.duration.total_micros()) / kMicrosPerSecond;
    } else if (spec_.type == OptionType::integer || spec_.type == OptionType::size_bytes) {
      value = static_cast<double>(out_.integer);
    } else if (spec_.type == OptionType::number || spec_.type == OptionType::rate) {
      value = out_.number;
    } else {
      return true;
    }
    if (in_range(spec_.limits, value)) return true;
    error(out_.pos, fmt::format("'{}' is out of range: write {} {}", node.text, what(), range_text(spec_)));
    return false;
  }
  bool is_limited() const { return spec_.limits.least || spec_.limits.most; }

  // Texts, and each of a list of them.
  bool check_text(const YamlNode& node) {
    if (fits_pattern(spec_.limits, node.text)) return true;
    error(node.pos, fmt::format("'{}' can't stand here: write {}", node.text, spec_.limits.rule));
    return false;
  }

  std::string_view what() const {
    switch (spec_.type) {
      case OptionType::integer:
        return "a whole number";
      case OptionType::number:
        return "a number";
      case OptionType::boolean:
        return "true or false";
      case OptionType::duration:
        return "a duration";
      case OptionType::timestamp:
        return "a time";
      case OptionType::size_bytes:
        return "a size";
      case OptionType::rate:
        return "a rate";
      case OptionType::column:
        return "a column";
      default:
        return "a value";
    }
  }

  template <class T, class U>
  bool take(Result<T> result, U& to, const YamlNode& node) {
    if (!result.ok()) {
      error(node.pos, result.status().message());
      return false;
    }
    to = static_cast<U>(*result);
    return true;
  }

  bool scalar(const YamlNode& node) {
    out_.text = node.text;
    switch (spec_.type) {
      case OptionType::integer:
        return take(parse_integer(node.text), out_.integer, node);
      case OptionType::number:
        return take(parse_number(node.text), out_.number, node);
      case OptionType::boolean:
        return take(parse_boolean(node.text), out_.integer, node);
      case OptionType::duration:
        return take(parse_span(node.text), out_.duration, node);
      case OptionType::timestamp:
        return take(parse_time(node.text), out_.integer, node);
      case OptionType::size_bytes:
        return take(parse_size(node.text), out_.integer, node);
      case OptionType::rate:
        return take(parse_rate(node.text), out_.number, node);
      case OptionType::choice:
        if (std::find(spec_.choices.begin(), spec_.choices.end(), node.text) != spec_.choices.end())
          return true;
        error(node.pos, not_one_of(node.text));
        return false;
      case OptionType::column:
        return column(node);
      default:
        if (!is_secret_name(spec_.name)) return check_text(node);
        refuse_literal(node.pos);
        return false;
    }
  }

  std::string not_one_of(const std::string& text) const {
    const std::string hint = did_you_mean(text, spec_.choices);
    return fmt::format("'{}' is not one of {}{}{}", text, fmt::join(spec_.choices, ", "),
                       hint.empty() ? "" : " ", hint);
  }

  void refuse_literal(TextPos pos) {
    error(pos, "a secret can't stand in a job file: write {env: NAME} or {file: path}");
  }

  bool column(const YamlNode& node) {
    if (!context_.schema) return true;
    const std::optional<int> index = context_.schema->find(node.text);
    if (index) {
      out_.columns.push_back(*index);
      return true;
    }
    error(node.pos, with_suggestion(fmt::format("unknown column '{}'", node.text), node.text,
                                    column_names(*context_.schema)));
    return false;
  }

  bool list(const YamlNode& node) {
    std::vector<YamlNode> single = {node};
    if (!node.is_list() && !node.is_scalar()) {
      error(out_.pos, fmt::format("expected a list here, found {}", node.kind_name()));
      return false;
    }
    for (const YamlNode& item : node.is_list() ? node.items : single) {
      if (!need_scalar(item, pos_, path_, "a value", context_.diagnostics)) return false;
      if (std::find(out_.list.begin(), out_.list.end(), item.text) != out_.list.end() &&
          spec_.type == OptionType::column_list) {
        error(item.pos, fmt::format("'{}' stands here twice", item.text));
        return false;
      }
      if (spec_.type == OptionType::column_list && !column(item)) return false;
      if (spec_.type == OptionType::string_list && !check_text(item)) return false;
      out_.list.push_back(item.text);
      out_.places.push_back(item.pos);
    }
    return true;
  }

  bool string_map(const YamlNode& node) {
    if (!node.is_map() && !node.is_null()) {
      error(node.pos, fmt::format("expected 'key: value' lines here, found {}", node.kind_name()));
      return false;
    }
    for (const YamlEntry& entry : node.entries) {
      const std::string at = dotted(path_, entry.key);
      if (!check_key(entry, at)) continue;
      const bool secret_name = is_secret_name(entry.key) && !entry.value.is_null();
      if (spec_.choices.empty() && (entry.value.is_map() || secret_name)) {
        SecretRef secret;
        if (read_secret(entry.value, entry.key_pos, at, context_.diagnostics, secret))
          out_.secrets.emplace_back(entry.key, std::move(secret));
      } else if (need_scalar(entry.value, entry.key_pos, at, "a value", context_.diagnostics)) {
        out_.map.emplace_back(entry.key, entry.value.text);
      }
    }
    return true;
  }

  bool check_key(const YamlEntry& entry, const std::string& at) {
    const std::vector<std::string>& keys = spec_.choices;
    if (keys.empty() || std::find(keys.begin(), keys.end(), entry.key) != keys.end()) return true;
    std::string message = fmt::format("'{}' can't be set here", entry.key);
    if (!spec_.limits.rule.empty()) message += ": " + spec_.limits.rule;
    context_.diagnostics.error(entry.key_pos, at, with_suggestion(message, entry.key, keys));
    return false;
  }

  bool expression(const YamlNode& node) {
    const SpecExpr spec = read_expression(context_.document, node, pos_, path_, context_.diagnostics);
    if (!spec) return false;
    out_.text = spec.text;
    if (!context_.schema) return true;
    Binder binder(context_.catalog, context_.schema, context_.diagnostics, path_);
    out_.expr = binder.bind(*spec.ast);
    return out_.expr != nullptr;
  }

  bool expression_map(const YamlNode& node) {
    const bool aggregates = spec_.type == OptionType::aggregate_map;
    if (!node.is_map() || node.entries.empty()) {
      error(out_.pos, fmt::format("expected 'name: {}' lines here, found {}",
                                  aggregates ? "aggregate" : "expression", node.kind_name()));
      return false;
    }
    for (const YamlEntry& entry : node.entries) {
      const std::string at = dotted(path_, entry.key);
      const SpecExpr spec =
          read_expression(context_.document, entry.value, entry.key_pos, at, context_.diagnostics);
      if (!spec || !context_.schema) continue;
      Binder binder(context_.catalog, context_.schema, context_.diagnostics, at);
      if (aggregates) {
        aggregate(binder, entry, *spec.ast, at);
      } else if (ExprRef expr = binder.bind(*spec.ast)) {
        out_.exprs.push_back({entry.key, std::move(expr), entry.key_pos});
      }
    }
    return true;
  }

  void aggregate(Binder& binder, const YamlEntry& entry, const Ast& ast, const std::string& path) {
    const AggregateKind* kind =
        ast.kind == AstKind::call ? context_.catalog.find_aggregate(ast.text) : nullptr;
    if (!kind) {
      std::vector<std::string> names;
      for (const auto& [name, k] : context_.catalog.aggregates()) names.push_back(name);
      const bool is_call = ast.kind == AstKind::call;
      context_.diagnostics.error(
          ast.pos, path,
          is_call ? with_suggestion(fmt::format("unknown aggregate '{}'", ast.text), ast.text, names)
                  : "expected one aggregate, such as sum(fare): compute around it in a query or in a step");
      return;
    }
    if (std::optional<AggregateCall> call = bind_aggregate_call(binder, ast, *kind, AggregatePlace::rollup)) {
      call->name = entry.key;
      call->pos = entry.key_pos;
      out_.aggregates.push_back(*std::move(call));
    }
  }

  bool any(const YamlNode& node) {
    out_.text = node.text;
    for (const YamlNode& item : node.items)
      if (item.is_scalar()) out_.list.push_back(item.text);
    for (const YamlEntry& entry : node.entries)
      if (entry.value.is_scalar()) out_.map.emplace_back(entry.key, entry.value.text);
    return true;
  }

  const OptionSpec& spec_;
  std::string path_;
  TextPos pos_;
  const OptionContext& context_;
  OptionValue out_;
};

// A default as a job would write it; lists have commas.
YamlNode default_node(const OptionSpec& spec, TextPos pos) {
  YamlNode node;
  node.pos = pos;
  const bool list = spec.type == OptionType::string_list || spec.type == OptionType::column_list;
  node.kind = list ? YamlNode::Kind::list : YamlNode::Kind::scalar;
  node.text = *spec.default_value;
  for (size_t begin = 0; list && begin < node.text.size();) {
    const size_t end = std::min(node.text.find(',', begin), node.text.size());
    YamlNode item;
    item.kind = YamlNode::Kind::scalar;
    item.pos = pos;
    item.text = node.text.substr(begin, end - begin);
    item.text.erase(0, item.text.find_first_not_of(' '));
    node.items.push_back(std::move(item));
    begin = end + 1;
  }
  return node;
}

// 'topic: rides' for 'topic: {name: rides}'.
std::string written_short(const std::vector<OptionSpec>& specs, const std::string& text,
                          const std::string& path) {
  const std::string word = path.substr(path.rfind('.') + 1);
  if (specs.empty()) return fmt::format("nothing can be set here: write '{}: {{}}'", word);
  const auto is_main = [](const OptionSpec& spec) { return spec.required || spec.name == "kind"; };
  const auto main = std::find_if(specs.begin(), specs.end(), is_main);
  if (main == specs.end()) return fmt::format("expected keys and values here, found '{}'", text);
  return fmt::format("expected keys and values here: write '{}: {{{}: {}}}'", word, main->name, text);
}

}  // namespace

bool is_secret_name(std::string_view key) {
  const std::string name = lower_case(key);
  for (const std::string_view word : {"password", "passwd", "secret", "token", "credential", "api_key",
                                      "apikey", "private_key", "access_key"}) {
    const size_t at = name.find(word);
    if (at == std::string::npos) continue;
    // "ssl.key.location", "token_file": places of secrets, not secrets.
    const std::string_view rest = std::string_view(name).substr(at + word.size());
    if (rest.starts_with("_file") || rest.starts_with("_path") || rest.ends_with("location")) continue;
    return true;
  }
  return false;
}

bool read_secret(const YamlNode& node, TextPos pos, const std::string& path, Diagnostics& diagnostics,
                 SecretRef& out) {
  const TextPos at = node.is_null() ? pos : node.pos;
  if (node.is_scalar()) {
    diagnostics.error(at, path, "a secret can't stand in a job file: write {env: NAME} or {file: path}");
    return false;
  }
  const YamlNode* env = node.find("env");
  const YamlNode* file = node.find("file");
  const YamlNode* only = env ? env : file;
  if (node.entries.size() != 1 || !only || !only->is_scalar() || only->text.empty()) {
    diagnostics.error(at, path, "a secret is written {env: NAME} or {file: path}");
    return false;
  }
  (env ? out.env : out.file) = only->text;
  return true;
}

Options check_options(const std::vector<OptionSpec>& specs, const YamlNode& node, TextPos pos,
                      const std::string& path, const OptionContext& context,
                      const std::vector<std::string>& extra) {
  Options options;
  if (node.is_scalar()) {
    context.diagnostics.error(node.pos, path, written_short(specs, node.text, path));
    return options;
  }
  MapReader map(node, path, pos, context.diagnostics);
  if (!node.is_map() && !node.is_null()) return options;
  for (const OptionSpec& spec : specs) {
    const YamlEntry* entry = map.find(spec.name);
    if (!entry && spec.required) {
      context.diagnostics.error(pos, path, fmt::format("'{}' is missing: {}", spec.name, spec.doc));
      continue;
    }
    if (!entry && !spec.default_value) continue;
    const YamlNode value = entry ? entry->value : default_node(spec, pos);
    OptionReader reader(spec, map.path_of(spec.name), entry ? entry->key_pos : pos, context);
    if (std::optional<OptionValue> checked = reader.read(value)) options.set(spec.name, *std::move(checked));
  }
  for (const std::string& key : extra) map.find(key);
  map.finish();
  return options;
}

void add_option_errors(const OptionErrors& errors, const Options& options, TextPos pos,
                       const std::string& path, Diagnostics& diagnostics) {
  for (const OptionError& error : errors) {
    const OptionValue* value = options.find(error.option);
    TextPos at = error.pos;
    if (at.line == 0) at = value && value->pos.line != 0 ? value->pos : pos;
    diagnostics.error(at, error.option.empty() ? path : dotted(path, error.option), error.message);
  }
}

void collect_option_columns(const std::vector<OptionSpec>& specs, const YamlNode& node,
                            const YamlDocument& document, std::vector<std::string>& out) {
  Diagnostics ignored;  // told when the options are checked
  const auto expression = [&](const YamlNode& value) {
    if (!value.is_scalar()) return;
    const SpecExpr spec = read_expression(document, value, value.pos, "", ignored);
    if (spec) collect_names(*spec.ast, out);
  };
  for (const OptionSpec& spec : specs) {
    const YamlNode* value = node.find(spec.name);
    if (!value) continue;
    if (spec.type == OptionType::column || spec.type == OptionType::column_list) {
      if (value->is_scalar()) out.push_back(value->text);
      for (const YamlNode& item : value->items) out.push_back(item.text);
    } else if (spec.type == OptionType::expression) {
      expression(*value);
    } else if (spec.type == OptionType::expression_map || spec.type == OptionType::aggregate_map) {
      for (const YamlEntry& entry : value->entries) expression(entry.value);
    }
  }
}

std::vector<OptionSpec> kafka_option_specs(const Catalog& catalog) {
  const auto spec = [](std::string name, OptionType type, std::string doc) {
    OptionSpec s;
    s.name = std::move(name);
    s.type = type;
    s.doc = std::move(doc);
    return s;
  };
  std::vector<OptionSpec> list = {
      spec("brokers", OptionType::string,
           "host:port, comma between several; empty: topics live in this process."),
      spec("client_id", OptionType::string, "Name of this client in the brokers' logs."),
      spec("security", OptionType::choice, "How connections are protected."),
      spec("mechanism", OptionType::choice, "How SASL authenticates."),
      spec("username", OptionType::string, "SASL user."),
      spec("password", OptionType::secret, "SASL password."),
      spec("ca_file", OptionType::path, "PEM file of the certificate authorities to trust."),
      spec("properties", OptionType::string_map, "Further settings of the Kafka client."),
  };
  list[2].choices = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
  list[3].choices = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"};
  // The client's settings are the same for all topics and for one: described once.
  if (const SourceKind* topic = catalog.find_source("topic")) {
    for (const OptionSpec& option : topic->options) {
      if (option.name != list.back().name) continue;
      list.back().choices = option.choices;
      list.back().limits = option.limits;
    }
  }
  return list;
}

}  // namespace rideflow
