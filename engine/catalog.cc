#include "engine/catalog.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {

namespace {

std::string lower(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

template <class T>
void insert(std::map<std::string, T>& entries, T kind) {
  const std::string name = kind.name;
  if (!entries.try_emplace(name, std::move(kind)).second) {
    check_failed(__FILE__, __LINE__, "every name stands once in the catalog:", name);
  }
}

template <class T>
const T* find(const std::map<std::string, T>& entries, const std::string& name) {
  const auto it = entries.find(name);
  return it == entries.end() ? nullptr : &it->second;
}

// Damerau's distance with adjacent swaps (optimal string alignment), case ignored.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

void Catalog::add(OperatorKind kind) {
  insert(operators_, std::move(kind));
}
void Catalog::add(SourceKind kind) {
  insert(sources_, std::move(kind));
}
void Catalog::add(SinkKind kind) {
  insert(sinks_, std::move(kind));
}
void Catalog::add(FormatKind kind) {
  insert(formats_, std::move(kind));
}
void Catalog::add(FunctionKind kind) {
  insert(functions_, std::move(kind));
}
void Catalog::add(AggregateKind kind) {
  for (const std::string& alias : kind.aliases) {
    if (!aggregate_aliases_.try_emplace(lower(alias), kind.name).second) {
      check_failed(__FILE__, __LINE__, "every alias stands once in the catalog:", alias);
    }
  }
  insert(aggregates_, std::move(kind));
}

const OperatorKind* Catalog::find_operator(std::string_view name) const {
  return find(operators_, std::string(name));
}
const SourceKind* Catalog::find_source(std::string_view name) const {
  return find(sources_, std::string(name));
}
const SinkKind* Catalog::find_sink(std::string_view name) const {
  return find(sinks_, std::string(name));
}
const FormatKind* Catalog::find_format(std::string_view name) const {
  return find(formats_, std::string(name));
}
const FunctionKind* Catalog::find_function(std::string_view name) const {
  return find(functions_, lower(name));
}
const AggregateKind* Catalog::find_aggregate(std::string_view name) const {
  const std::string word = lower(name);
  if (const AggregateKind* kind = find(aggregates_, word)) return kind;
  const auto alias = aggregate_aliases_.find(word);
  return alias == aggregate_aliases_.end() ? nullptr : find(aggregates_, alias->second);
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string wanted = lower(word);
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, wanted.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(wanted, lower(candidate));
    if (distance < best_distance && distance < std::max(wanted.size(), candidate.size())) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best ? fmt::format("(did you mean '{}'?)", *best) : std::string();
}

}  // namespace rideflow
