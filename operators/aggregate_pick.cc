// Aggregates that pick one of the values: min, max, any (the smallest), first and last (by event time, ties
// by the smaller value).
#include "engine/cow_ref.h"
#include "operators/aggregate_support.h"

namespace rideflow {

namespace {

// The picked value, or none. Text lies in a shared object of its own.
template <class V>
class Slot {
 public:
  bool empty() const { return !has_; }
  V get() const {
    V v;
    std::memcpy(&v, value_, sizeof(V));
    return v;
  }
  void set(V v) {
    has_ = 1;
    std::memcpy(value_, &v, sizeof(V));
  }

 private:
  uint64_t has_ = 0;
  uint64_t value_[sizeof(V) / 8] = {};
};

template <>
class Slot<std::string_view> {
 public:
  bool empty() const { return !text_; }
  std::string_view get() const { return text_->text; }
  void set(std::string_view v) { text_.edit().text.assign(v); }

 private:
  struct Text : RefCount {
    std::string text;
  };
  CowRef<Text> text_;
};

template <class V>
void encode_slot(const Slot<V>& slot, std::string& out) {
  out.push_back(slot.empty() ? 0 : 1);
  if (!slot.empty()) Typed<V>::encode(slot.get(), out);
}
template <class V>
void decode_slot(Slot<V>& slot, ByteReader& in) {
  const char has = in.get<char>();
  if (has == 1) {
    slot.set(Typed<V>::decode(in));
  } else if (has != 0) {
    in.fail();
  }
}

template <class V, bool kMax>
struct MinMaxState {
  Slot<V> slot;
  void offer(V v) {
    if (slot.empty() || (kMax ? Typed<V>::less(slot.get(), v) : Typed<V>::less(v, slot.get()))) slot.set(v);
  }
  void merge(const MinMaxState& o) {
    if (!o.slot.empty()) offer(o.slot.get());
  }
  void encode(std::string& out) const { encode_slot(slot, out); }
  void decode(ByteReader& in) { decode_slot(slot, in); }
};

template <class V, bool kMax>
class MinMax : public ObjectAggregate<MinMaxState<V, kMax>> {
 public:
  explicit MinMax(Type type) : type_(std::move(type)) {}
  Type result_type() const override { return type_; }
  bool result_nullable() const override { return true; }
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    Typed<V>::with(*in.args[0].column, [&](auto get) {
      each_value(in, in.args[0], get, [&](int32_t row, V v) { this->at(rows[row] + offset).offer(v); });
    });
  }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const Slot<V>& slot = this->at(state).slot;
    if (slot.empty()) {
      out.append_null();
    } else {
      Typed<V>::append(slot.get(), out);
    }
    return {};
  }

 private:
  Type type_;
};

template <class V, bool kLast>
struct TimedState {
  Micros time = 0;
  Slot<V> slot;
  void offer(Micros t, V v) {
    const bool better =
        slot.empty() || (kLast ? t > time : t < time) || (t == time && Typed<V>::less(v, slot.get()));
    if (!better) return;
    time = t;
    slot.set(v);
  }
  void merge(const TimedState& o) {
    if (!o.slot.empty()) offer(o.time, o.slot.get());
  }
  void encode(std::string& out) const {
    append_varint(out, zigzag(time));
    encode_slot(slot, out);
  }
  void decode(ByteReader& in) {
    time = unzigzag(in.varint());
    decode_slot(slot, in);
  }
};

template <class V, bool kLast>
class Timed : public ObjectAggregate<TimedState<V, kLast>> {
 public:
  explicit Timed(Type type) : type_(std::move(type)) {}
  Type result_type() const override { return type_; }
  bool result_nullable() const override { return true; }
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    Typed<V>::with(*in.args[0].column, [&](auto get) {
      each_value(in, in.args[0], get, [&](int32_t row, V v) {
        this->at(rows[row] + offset).offer(in.event_time ? in.event_time[row] : 0, v);
      });
    });
  }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const Slot<V>& slot = this->at(state).slot;
    if (slot.empty()) {
      out.append_null();
    } else {
      Typed<V>::append(slot.get(), out);
    }
    return {};
  }

 private:
  Type type_;
};

template <class V>
using Min = MinMax<V, false>;
template <class V>
using Max = MinMax<V, true>;
template <class V>
using First = Timed<V, false>;
template <class V>
using Last = Timed<V, true>;

template <template <class> class Template>
void add_pick(Catalog& catalog, const std::string& name, std::string doc, std::vector<std::string> aliases) {
  add_aggregate(catalog, name, name + "(x) -> the type of x", std::move(doc), std::move(aliases),
                [](std::span<const ArgInfo> args) -> std::shared_ptr<const Aggregate> {
                  return args.size() == 1 ? make_for_store<Template>(args[0].type) : nullptr;
                });
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(aggregate_pick) {
  using namespace rideflow;
  add_pick<Min>(catalog, "min", "The smallest value; strings by bytes.",
                {"longMin", "doubleMin", "floatMin"});
  add_pick<Max>(catalog, "max", "The largest value; NaN is larger than every number.",
                {"longMax", "doubleMax", "floatMax"});
  add_pick<Min>(catalog, "any", "One of the values: the smallest, so that a replay gives the same.",
                {"any_value", "longAny", "doubleAny", "floatAny", "stringAny"});
  add_pick<First>(catalog, "first", "The value with the earliest event time; the smaller one of equal times.",
                  {"longFirst", "doubleFirst", "floatFirst", "stringFirst"});
  add_pick<Last>(catalog, "last", "The value with the latest event time; the smaller one of equal times.",
                 {"longLast", "doubleLast", "floatLast", "stringLast"});
}
