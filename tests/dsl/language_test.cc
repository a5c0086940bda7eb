// The reference page of the job language: every key that a job file may have is described, with an example
// that checks, runs and stands on the page; every value and expression that the page shows is what it says.
#include "dsl/language.h"

#include <fmt/format.h>

#include <regex>
#include <set>

#include "dsl/expression_binder.h"
#include "dsl/expression_parser.h"
#include "dsl/job.h"
#include "dsl/json_schema.h"
#include "dsl/language_examples.h"
#include "dsl/language_values.h"
#include "dsl/reference.h"
#include "dsl/scalars.h"
#include "runtime/job_test.h"
#include "tests/support/operator_contract.h"
#include "tests/support/source_tree.h"

namespace rideflow::test {
namespace language_test {

// "section key" of every key that the JSON Schema has, by the paths of the language's sections.
void collect(const YamlNode& schema, const std::string& path,
             std::set<std::pair<std::string, std::string>>& out) {
  if (const YamlNode* properties = schema.find("properties")) {
    for (const YamlEntry& entry : properties->entries) {
      out.emplace(path, entry.key);
      collect(entry.value, dotted(path, entry.key), out);
    }
  }
  if (const YamlNode* values = schema.find("additionalProperties"); values && values->is_map())
    collect(*values, dotted(path, "*"), out);
  if (const YamlNode* items = schema.find("items")) collect(*items, path + "[]", out);
  if (const YamlNode* any = schema.find("anyOf"))
    for (const YamlNode& one : any->items) collect(one, path, out);
}

std::set<std::pair<std::string, std::string>> schema_keys() {
  Diagnostics diagnostics;
  const YamlDocument schema = parse_yaml(job_json_schema(full_catalog()), diagnostics);
  EXPECT_TRUE(diagnostics.ok());
  std::set<std::pair<std::string, std::string>> keys;
  collect(schema.root, "", keys);
  EXPECT_GT(keys.size(), 100U);
  return keys;
}

struct Described {
  const LanguageSection* section = nullptr;
  const LanguageKey* key = nullptr;
};

// The words that stand beside a window's kind may stand among its keys too, and are described once.
Described find(const std::vector<LanguageSection>& language, const std::string& path,
               const std::string& name) {
  for (const LanguageSection& section : language) {
    if (section.path != path) continue;
    for (const LanguageKey& key : section.keys)
      if (key.name == name) return {&section, &key};
  }
  const std::string window = "streams.*.window";
  return path.starts_with(window + ".") ? find(language, window, name) : Described{};
}

std::string page() {
  for (const ReferencePage& page : reference_pages(full_catalog()))
    if (page.file == "jobs.md") return page.text;
  return "";
}

TEST(JobLanguage, EveryKeyOfTheSchemaIsDescribedWithAnExample) {
  const std::vector<LanguageSection> language = job_language(full_catalog());
  const std::string text = page();
  for (const auto& [path, name] : schema_keys()) {
    SCOPED_TRACE(dotted(path, name));
    const Described described = find(language, path, name);
    ASSERT_TRUE(described.key) << "describe it in dsl/language.cc";
    EXPECT_FALSE(described.key->doc.empty());
    EXPECT_FALSE(described.key->takes.empty());
    EXPECT_FALSE(example_line(*described.section, *described.key).empty())
        << "use it in a job of dsl/language_examples.cc, then rideflow docs docs/reference";
    EXPECT_NE(text.find("| `" + name + "` | "), std::string::npos) << "jobs.md has no row of it";
  }
}

TEST(JobLanguage, EveryDescribedKeyIsInTheSchema) {
  const auto keys = schema_keys();
  for (const LanguageSection& section : job_language(full_catalog()))
    for (const LanguageKey& key : section.keys)
      EXPECT_TRUE(keys.contains({section.path, key.name})) << section.path << " " << key.name;
}

// What the loaders ask a map for, as their source text has it.
TEST(JobLanguage, EveryWordThatTheLoadersReadIsDescribed) {
  std::set<std::string> described;
  for (const LanguageSection& section : job_language(full_catalog()))
    for (const LanguageKey& key : section.keys) described.insert(key.name);
  const std::regex asked(
      R"re((?:\.find|\.need|\.text|need_span|micros|expression|word|fixed)\((?:inner, |map, |\*e, )?"([a-z_]+)")re");
  size_t found = 0;
  for (const char* file :
       {"dsl/job_loader.cc", "dsl/window_loader.cc", "dsl/restart_loader.cc", "dsl/job_test_spec.cc"}) {
    const std::string text = read_file(file);
    for (auto at = std::sregex_iterator(text.begin(), text.end(), asked); at != std::sregex_iterator();
         ++at) {
      ++found;
      EXPECT_TRUE(described.contains((*at)[1].str())) << file << ": " << (*at)[1].str();
    }
  }
  EXPECT_GT(found, 40U) << "the pattern no longer finds what the loaders read";
}

TEST(JobLanguage, EveryExampleChecksAndItsTestsPass) {
  for (const LanguageExample& example : language_examples()) {
    SCOPED_TRACE(example.title);
    const LoadedJob job = load_job(example.text, "example.yaml", full_catalog());
    EXPECT_EQ(format_diagnostics(job), "");
    ASSERT_TRUE(job.ok());
    EXPECT_FALSE(job.tests.empty());
    for (const JobTest& test : job.tests) {
      const JobTestResult result = run_job_test(*job.plan, test);
      EXPECT_TRUE(result.ok()) << to_text(result);
    }
    EXPECT_NE(page().find(example.text), std::string::npos) << "its section is not on the page";
  }
}

// A line that the page shows is YAML that says the same as the example, shortened or not.
TEST(JobLanguage, EveryLineOfAnExampleIsYaml) {
  for (const LanguageSection& section : job_language(full_catalog())) {
    for (const LanguageKey& key : section.keys) {
      const std::string line = example_line(section, key);
      SCOPED_TRACE(section.path + ": " + line);
      if (line == key.name) continue;  // a word of a list: restart
      Diagnostics diagnostics;
      const YamlDocument read = parse_yaml(line, diagnostics);
      ASSERT_TRUE(diagnostics.ok()) << diagnostics.errors()[0].message;
      ASSERT_TRUE(read.root.find(key.name));
      if (line.find("…") != std::string::npos) continue;
      const size_t colon = std::min(line.size(), line.find(':') + 2);
      EXPECT_EQ(flow_text(*read.root.find(key.name)), line.substr(colon));
    }
  }
}

TEST(JobLanguage, DurationsAreWhatThePageSays) {
  std::set<std::string> units;
  for (const LanguageValue& value : duration_values()) {
    const Result<Duration> read = parse_span(value.text);
    ASSERT_TRUE(read.ok()) << value.text;
    EXPECT_EQ(read->months, value.months) << value.text;
    const int64_t micros = read->is_fixed() ? read->total_micros() : 0;
    EXPECT_EQ(static_cast<double>(micros), value.amount) << value.text;
    units.insert(std::regex_replace(std::string(value.text), std::regex("[0-9.]"), ""));
  }
  // Every unit that the error names has a row.
  const std::string said(parse_duration("1 fortnight").status().message());
  std::smatch list;
  ASSERT_TRUE(std::regex_search(said, list, std::regex(R"(\(([a-z, ]+)\))"))) << said;
  const std::string names = list[1].str();
  const std::regex unit("[a-z]+");
  for (auto at = std::sregex_iterator(names.begin(), names.end(), unit); at != std::sregex_iterator(); ++at)
    EXPECT_TRUE(units.contains(at->str())) << at->str();
}

template <class T>
double read_value(const Result<T>& result) {
  return result.ok() ? static_cast<double>(*result) : -1;
}

TEST(JobLanguage, SizesRatesAndTimesAreWhatThePageSays) {
  for (const LanguageValue& value : size_values())
    EXPECT_EQ(read_value(parse_size(value.text)), value.amount) << value.text;
  for (const LanguageValue& value : rate_values())
    EXPECT_EQ(read_value(parse_rate(value.text)), value.amount) << value.text;
  for (const LanguageValue& value : time_values())
    EXPECT_EQ(read_value(parse_time(value.text)), value.amount) << value.text;
}

TEST(JobLanguage, EveryExpressionOfThePageIsTrue) {
  for (const ExpressionForm& form : expression_forms()) {
    if (form.example.empty()) continue;
    SCOPED_TRACE(form.example);
    ExpressionError error;
    const std::vector<TextPos> places(form.example.size() + 1, TextPos{1, 1});
    const AstRef ast = parse_expression(form.example, places, error);
    ASSERT_TRUE(ast) << error.message;
    Diagnostics diagnostics;
    Binder binder(full_catalog(), make_schema({}), diagnostics, "example");
    const ExprRef expr = binder.bind_condition(*ast);
    ASSERT_TRUE(expr) << diagnostics.errors()[0].message;
    const Result<Value> value = eval_constant(expr);
    ASSERT_TRUE(value.ok()) << value.status().to_string();
    EXPECT_TRUE(value->is_true()) << value->to_string();
  }
}

// The columns that sources and windows give, by a job that hands them all on.
TEST(JobLanguage, TheEnginesColumnsHaveTheTypesOfThePage) {
  std::string select;
  for (const EngineColumn& column : engine_columns())
    if (column.where.starts_with("rows of a source"))
      select += fmt::format("{}m{}: {}", select.empty() ? "" : ", ", column.name, column.name);
  const LoadedJob job = load_job(fmt::format(R"(job: x
sources:
  r: {{topic: {{name: t}}, schema: {{a: string, at: timestamp}}, event_time: {{column: at}}}}
streams:
  given: {{from: r, select: {{{}}}}}
  counted: {{from: r, key_by: [a], window: {{tumbling: 1m, allowed_lateness: 1m}}, aggregate: {{n: count()}}}}
sinks:
  o: {{from: given, topic: {{name: o}}}}
  p: {{from: counted, topic: {{name: p}}}}
)",
                                             select),
                                 "", full_catalog());
  ASSERT_TRUE(job.ok()) << format_diagnostics(job);
  std::map<std::string, std::string> types;
  for (const LogicalNode& node : job.plan->nodes) {
    if (!std::holds_alternative<SinkNode>(node.body)) continue;
    for (const Field& field : std::get<SinkNode>(node.body).config->input->fields())
      types[field.name] = field.type.to_string() + (field.nullable ? "?" : "");
  }
  for (const EngineColumn& column : engine_columns()) {
    const std::string name =
        (column.where.starts_with("rows of a source") ? "m" : "") + std::string(column.name);
    EXPECT_EQ(types[name], column.type) << name;
  }
}

}  // namespace language_test
}  // namespace rideflow::test
