// Bytes of a checkpoint or a rollup as accumulators: whatever they are, decoding gives an error or a state
// that encodes to what decodes again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/catalog.h"

namespace {

using namespace rideflow;

std::vector<std::shared_ptr<const Aggregate>> all_aggregates() {
  Catalog catalog;
  register_all(catalog);
  const Value fraction = Value::float64(0.5);
  const Value k = Value::int64(2);
  std::vector<std::shared_ptr<const Aggregate>> made;
  for (const auto& [name, kind] : catalog.aggregates()) {
    for (const Type& type : {Type(Kind::boolean), Type(Kind::int64), Type(Kind::float64),
                             Type::decimal(20, 4), Type(Kind::string)}) {
      for (const Value* literal : {static_cast<const Value*>(nullptr), &fraction, &k}) {
        std::vector<ArgInfo> args = {{type, true, nullptr}};
        if (literal) args.push_back({literal->kind, false, literal});
        auto aggregate = kind.make(args);
        if (aggregate.ok()) made.push_back(*aggregate);
      }
    }
  }
  return made;
}

void check(const Aggregate& a, std::string_view bytes) {
  std::vector<std::byte> state(static_cast<size_t>(a.state_size()));
  std::vector<std::byte> again(state.size());
  a.init(state.data());
  a.init(again.data());
  if (a.decode(bytes, state.data()).ok()) {
    std::string encoded;
    std::string twice;
    a.encode(state.data(), encoded);
    if (!a.decode(encoded, again.data()).ok()) std::abort();
    a.encode(again.data(), twice);
    if (encoded != twice) std::abort();
    ColumnBuilder out(a.result_type());
    if (!a.finish(state.data(), out).ok()) out.append_null();
    a.merge(state.data(), again.data());
  }
  a.destroy(state.data());
  a.destroy(again.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto aggregates = all_aggregates();
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  check(*aggregates[data[0] % aggregates.size()], bytes);
  return 0;
}
