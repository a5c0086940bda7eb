#include "engine/state_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "engine/byte_codec.h"

namespace rideflow {
namespace {

// Version 1 named the kind of a window and what it emits by numbers.
constexpr uint32_t kNumbered = 1;
constexpr uint32_t kVersion = 2;

std::string label(const StateType::Accumulator& accumulator) {
  if (accumulator.name.empty()) return accumulator.computes;
  return fmt::format("'{}' ({})", accumulator.name, accumulator.computes);
}

template <class Part>
int find_part(const std::vector<Part>& parts, const Part& wanted, bool (*same)(const Part&, const Part&)) {
  const auto at = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return same(p, wanted); });
  return at == parts.end() ? StateMigration::kNone : static_cast<int>(at - parts.begin());
}

bool computes_the_same(const StateType::Accumulator& a, const StateType::Accumulator& b) {
  return a.computes == b.computes;
}
bool holds_the_same(const StateType::HeldColumn& a, const StateType::HeldColumn& b) {
  return a == b;
}

void compare_accumulators(const StateType& stored, const StateType& now, StateChange& change) {
  std::vector<bool> kept(stored.accumulators.size());
  for (const auto& accumulator : now.accumulators) {
    const int from = find_part(stored.accumulators, accumulator, computes_the_same);
    change.migration.accumulators.push_back(from);
    if (from != StateMigration::kNone) kept[static_cast<size_t>(from)] = true;
  }
  std::vector<bool> told(stored.accumulators.size());
  for (size_t i = 0; i < now.accumulators.size(); ++i) {
    if (change.migration.accumulators[i] != StateMigration::kNone) continue;
    const auto& accumulator = now.accumulators[i];
    size_t old = 0;
    while (old < kept.size() &&
           (kept[old] || accumulator.name.empty() || stored.accumulators[old].name != accumulator.name))
      ++old;
    if (old == kept.size()) {
      change.starting.push_back(label(accumulator) + " starts empty");
      continue;
    }
    told[old] = true;
    change.starting.push_back(fmt::format("'{}' starts empty: it was {} and is {} now", accumulator.name,
                                          stored.accumulators[old].computes, accumulator.computes));
    change.lost.push_back(fmt::format("'{}' was {} and is {} now", accumulator.name,
                                      stored.accumulators[old].computes, accumulator.computes));
  }
  for (size_t old = 0; old < kept.size(); ++old) {
    if (!kept[old] && !told[old])
      change.lost.push_back(label(stored.accumulators[old]) + " is no longer computed");
  }
}

// "window 1 60 s … offset 0 emit 0 …" of version 1 in the words of version 2.
std::string with_names(std::string window) {
  constexpr std::string_view kKind = "window ", kEmit = " emit ";
  const auto name = [&window](size_t at, std::span<const std::string_view> names) {
    const size_t number = at < window.size() ? static_cast<size_t>(window[at] - '0') : names.size();
    if (number < names.size()) window.replace(at, 1, names[number]);
  };
  constexpr std::string_view kKinds[] = {"tumbling", "hopping", "session", "cumulating", "global"};
  constexpr std::string_view kEmits[] = {"final", "updates"};
  const size_t offset = window.find(" offset ");
  const size_t emit = offset == std::string::npos ? offset : window.find(kEmit, offset);
  if (!window.starts_with(kKind) || emit == std::string::npos) return window;
  name(emit + kEmit.size(), kEmits);
  name(kKind.size(), kKinds);
  return window;
}

}  // namespace

std::string encode_state_type(const StateType& type) {
  ByteWriter out;
  out.put(kVersion).put_string(type.kind).put(static_cast<uint32_t>(type.keys.size()));
  for (const std::string& key : type.keys) out.put_string(key);
  out.put_string(type.window).put(type.extra_bytes).put(static_cast<uint32_t>(type.accumulators.size()));
  for (const auto& accumulator : type.accumulators)
    out.put_string(accumulator.name).put_string(accumulator.computes);
  out.put(static_cast<uint32_t>(type.held.size()));
  for (const auto& column : type.held) out.put_string(column.computes).put_string(column.type);
  return out.take();
}

Result<StateType> decode_state_type(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.get<uint32_t>();
  if (version != kVersion && version != kNumbered)
    return Status::external(Code::data_loss,
                            "The checkpoint describes its state in a way that this Rideflow can't read.");
  StateType type;
  type.kind = in.get_string();
  const auto keys = in.get<uint32_t>();
  for (uint32_t i = 0; i < keys && in.ok(); ++i) type.keys.push_back(in.get_string());
  type.window = version == kNumbered ? with_names(in.get_string()) : in.get_string();
  type.extra_bytes = in.get<int32_t>();
  const auto accumulators = in.get<uint32_t>();
  for (uint32_t i = 0; i < accumulators && in.ok(); ++i) {
    StateType::Accumulator accumulator;
    accumulator.name = in.get_string();
    accumulator.computes = in.get_string();
    type.accumulators.push_back(std::move(accumulator));
  }
  const auto held = in.get<uint32_t>();
  for (uint32_t i = 0; i < held && in.ok(); ++i) {
    StateType::HeldColumn column;
    column.computes = in.get_string();
    column.type = in.get_string();
    type.held.push_back(std::move(column));
  }
  RF_TRY(in.finish("The checkpoint's description of its state"));
  return type;
}

AccumulatorSlots accumulator_slots(const std::vector<AggregateCall>& calls) {
  AccumulatorSlots slots;
  std::map<std::string, size_t> shared;
  for (size_t i = 0; i < calls.size(); ++i) {
    const std::string& share = calls[i].share;
    const auto known = share.empty() ? shared.end() : shared.find(share);
    if (known != shared.end()) {
      slots.slot_of_call.push_back(known->second);
      continue;
    }
    if (!share.empty()) shared.emplace(share, slots.first_call.size());
    slots.slot_of_call.push_back(slots.first_call.size());
    slots.first_call.push_back(i);
  }
  return slots;
}

Result<StateChange> compare_state_types(const StateType& stored, const StateType& now) {
  StateChange change;
  change.kind = StateChange::Kind::replaced;
  if (stored.kind != now.kind) {
    change.why = "it is a step of another kind now";
  } else if (stored.keys != now.keys) {
    change.why = "its keys changed";
  } else if (stored.window != now.window) {
    change.why = "its window changed";
  } else {
    change.kind = StateChange::Kind::migrate;
  }
  if (change.kind == StateChange::Kind::replaced) return change;
  compare_accumulators(stored, now, change);
  StateMigration& migration = change.migration;
  migration.stored_extra_bytes = stored.extra_bytes;
  migration.stored_accumulators = static_cast<int>(stored.accumulators.size());
  for (const auto& column : now.held)
    migration.held.push_back(find_part(stored.held, column, holds_the_same));
  for (const auto& column : stored.held) {
    Result<Field> field = parse_field_type(column.type);
    if (!field.ok())
      return Status::external(Code::data_loss,
                              "The checkpoint holds rows of an unknown type: " + column.type);
    migration.stored_types.push_back(field->type);
  }
  // A name alone moves nothing.
  const auto in_place = [](const std::vector<int>& places, size_t stored_count) {
    for (size_t i = 0; i < places.size(); ++i)
      if (places[i] != static_cast<int>(i)) return false;
    return places.size() == stored_count;
  };
  if (stored.extra_bytes == now.extra_bytes && in_place(migration.held, stored.held.size()) &&
      in_place(migration.accumulators, stored.accumulators.size()))
    change.kind = StateChange::Kind::none;
  return change;
}

}  // namespace rideflow
