// hash64: the hash of a value, the same on every machine and in every version of one format.
#include "engine/hash.h"
#include "operators/function_kernels.h"

namespace rideflow {

namespace {

uint64_t hash_word(uint64_t word) {
  return hash_bytes({reinterpret_cast<const char*>(&word), sizeof(word)});
}

// Integers of both widths that are equal hash alike; so do both zeros, and all NaNs.
uint64_t hash_number(double v) {
  if (v != v) return hash_word(0x7ff8'0000'0000'0000ULL);
  return hash_word(std::bit_cast<uint64_t>(v + 0.0));
}

uint64_t hash_value(const Column& column, int64_t row) {
  switch (column.type.kind) {
    case Kind::boolean:
      return hash_word(column.boolean(row) ? 1 : 0);
    case Kind::float64:
      return hash_number(column.values<double>()[row]);
    case Kind::string:
    case Kind::bytes:
      return hash_bytes(column.string(row));
    default:
      return hash_word(static_cast<uint64_t>(column.values<int64_t>()[row]));
  }
}

Result<BoundFunction> bind_hash64(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "values that are not lists, structures or decimals";
  RF_TRY(check_count("hash64", args, 1, 100, kTakes));
  std::vector<Type> types;
  for (const ArgInfo& arg : args) {
    switch (arg.type.kind) {
      case Kind::null:
      case Kind::int32:
        types.emplace_back(Kind::int64);
        break;
      case Kind::date:
        types.emplace_back(Kind::timestamp);
        break;
      case Kind::decimal:
      case Kind::list:
      case Kind::structure:
        return wrong_arguments("hash64", args, kTakes);
      default:
        types.push_back(arg.type);
    }
  }
  return bound("hash64", std::move(types), Kind::int64, [](const KernelCall& call, RowErrors&) {
    BufferRef data = BufferRef::allocate(static_cast<size_t>(call.rows) * sizeof(int64_t));
    for (int32_t i = 0; i < call.rows; ++i) {
      uint64_t hash = hash_value(*call.args[0].column, call.args[0].at(i));
      for (size_t arg = 1; arg < call.args.size(); ++arg) {
        hash = hash_combine(hash, hash_value(*call.args[arg].column, call.args[arg].at(i)));
      }
      data.as_mutable<int64_t>()[i] = static_cast<int64_t>(hash);
    }
    return column_from(Kind::int64, call.rows, std::move(data));
  });
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_hash) {
  using namespace rideflow;
  catalog.add(
      function_kind("hash64", "hash", "hash64(a, …) -> int64",
                    "A 64-bit hash (XXH3) of the values, stable across machines and versions; equal integers "
                    "of any width hash alike. Null when one is null.",
                    "hash64('Lyon') <> hash64('Paris')", bind_hash64));
}
