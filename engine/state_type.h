// StateType: what the cells of a keyed step hold, in the words of the job. Every checkpoint's manifest keeps
// one per node with keyed state, so that an edited job reads what it can and says what it can't.
//
// Keys and window are all or nothing. Accumulators are known by what they compute (function, arguments with
// their types, filter; columns written out down to the step's input), not by name or place: renamed and
// reordered ones keep their state, a new one starts empty.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/aggregate.h"
#include "engine/status.h"

namespace rideflow {

struct StateType {
  struct Accumulator {
    std::string name;      // as the job calls it; empty: part of a larger expression
    std::string computes;  // "sum(fare: double) filter (where paid)"
    friend bool operator==(const Accumulator&, const Accumulator&) = default;
  };
  struct HeldColumn {
    std::string computes;
    std::string type;
    friend bool operator==(const HeldColumn&, const HeldColumn&) = default;
  };
  std::string kind;  // of the operator
  std::vector<std::string> keys;
  std::string window;
  int32_t extra_bytes = 0;                // in a row, before its accumulators (engine/row_layout.h)
  std::vector<Accumulator> accumulators;  // in the order of a row
  std::vector<HeldColumn> held;           // columns of input rows that wait in the state; mostly none
  friend bool operator==(const StateType&, const StateType&) = default;
};
std::string encode_state_type(const StateType& type);
Result<StateType> decode_state_type(std::string_view bytes);

// Which accumulator of a row serves which call: calls of one `share` key have one, made by the first of them.
struct AccumulatorSlots {
  std::vector<size_t> first_call;    // by accumulator
  std::vector<size_t> slot_of_call;  // by call
};
AccumulatorSlots accumulator_slots(const std::vector<AggregateCall>& calls);

// How rows written under an earlier type are read under the present one.
struct StateMigration {
  static constexpr int kNone = -1;
  int stored_extra_bytes = 0;
  int stored_accumulators = 0;
  std::vector<int> accumulators;   // by present accumulator: its number in the stored row, or kNone
  std::vector<Type> stored_types;  // of held rows
  std::vector<int> held;           // by present column of held rows: its number in the stored row, or kNone
};

struct StateChange {
  enum class Kind : uint8_t {
    none,      // cells are read as they are
    migrate,   // cells are rewritten by `migration`
    replaced,  // nothing of the old state fits: `why`
  };
  Kind kind = Kind::none;
  std::string why;                    // "its keys changed"
  std::vector<std::string> starting;  // what starts empty: "'money' (sum(fare: double)) starts empty"
  std::vector<std::string> lost;      // what goes with its state: "'money' was sum(fare: double)"
  StateMigration migration;
};
// data_loss when the stored type names column types that don't exist.
Result<StateChange> compare_state_types(const StateType& stored, const StateType& now);

}  // namespace rideflow
