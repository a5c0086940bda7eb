// The words of a job file, each described once: the JSON Schema, the reference page of the language and its
// test come from here. What a connector, format or operator takes comes from the catalog.
//
// Plain data; the descriptions of the engine's own words live as long as the process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog.h"

namespace rideflow {

struct LanguageKey {
  std::string name;
  std::string takes;     // in words: "duration", "one of final, updates"
  std::string fallback;  // what holds without the key: "30s", "required"; empty: nothing
  std::string doc;       // one or two sentences
  std::vector<std::string> choices;
  bool has_section = false;  // its value is a map with keys of its own, described in another section
};

// The keys of one map of a job file.
struct LanguageSection {
  std::string path;  // "sources.*.event_time", "tests[].feed[]"; '*' is a name that the job gives
  std::string title;
  std::string doc;
  std::vector<LanguageKey> keys;
};

// The engine's own words, in the order in which a job is written.
const std::vector<LanguageSection>& language_sections();
// A key of them; it has to be there.
const LanguageKey& language_key(std::string_view section, std::string_view name);

// All sections: the engine's own, then those of the catalog's connectors, formats and operators.
std::vector<LanguageSection> job_language(const Catalog& catalog);

// An option's type and what it takes beyond that, in words.
std::string takes_text(const OptionSpec& option);

}  // namespace rideflow
