// Expressions as written: the tree between the parser and the binder, names not yet resolved.
//
// Nodes are immutable and shared; each knows its place in the job file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/ids.h"
#include "engine/text_pos.h"
#include "engine/type.h"

namespace rideflow {

inline constexpr int kMaxExpressionDepth = 64;
inline constexpr int kMaxExpressionNodes = 4096;
inline constexpr size_t kMaxExpressionBytes = size_t{64} << 10;

enum class AstKind : uint8_t {
  null_literal,
  boolean,    // number is 0 or 1
  number,     // text: digits, perhaps with a point and an exponent, perhaps with a '-'
  string,     // text
  timestamp,  // number: Micros
  date,       // number: days
  interval,   // number: microseconds
  name,       // text: a column
  field,      // args[0].text
  star,       // only as the argument of count
  call,       // text: lower-case name; args; distinct; filter
  negate,
  not_,
  and_,           // n-ary
  or_,            // n-ary
  binary,         // text: + - * / % || = <> < <= > >=
  like,           // args: text, pattern[, escape]; negated
  in,             // args[0] in the rest; negated
  between,        // args: value, low, high; negated
  is_null,        // negated
  is_truth,       // text: true, false; negated
  distinct_from,  // a is [not] distinct from b; negated: not distinct
  case_,          // when, then, …[, else]; operand when has_operand comes first
  cast,           // args[0] to `type`
  try_cast,
};

struct Ast;
using AstRef = std::shared_ptr<const Ast>;

struct Ast {
  AstKind kind = AstKind::null_literal;
  TextPos pos;
  std::string text;
  int64_t number = 0;
  std::vector<AstRef> args;
  bool negated = false;
  bool distinct = false;
  bool has_operand = false;  // case x when …
  bool has_else = false;
  Type type;
  AstRef filter;
  int depth = 1;
};

// Every column name in the tree (the first part of a.b.c), as written.
void collect_names(const Ast& ast, std::vector<std::string>& out);

}  // namespace rideflow
