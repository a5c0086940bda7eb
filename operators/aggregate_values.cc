// Aggregates that keep every different value: count_distinct (count(distinct x)), top_k and collect.
#include "engine/cow_ref.h"
#include "operators/aggregate_support.h"

namespace rideflow {

namespace {

// How often each value came, in the order of values.
template <class V>
struct ValueCounts : RefCount {
  struct Less {
    using is_transparent = void;
    bool operator()(const V& a, const V& b) const { return Typed<V>::less(a, b); }
  };
  std::map<typename Typed<V>::Stored, int64_t, Less> counts;

  void add(V v, int64_t n) {
    auto it = counts.find(v);
    if (it == counts.end()) it = counts.emplace(typename Typed<V>::Stored(v), 0).first;
    it->second += n;
    if (it->second == 0) counts.erase(it);
  }
};

template <class V>
struct ValueCountsState {
  CowRef<ValueCounts<V>> values;

  void add(const ValueCountsState& o, int64_t sign) {
    if (!o.values) return;
    const CowRef<ValueCounts<V>> keep = o.values;
    for (const auto& [value, n] : keep->counts) values.edit().add(value, sign * n);
  }
  void merge(const ValueCountsState& o) {
    if (!values) {
      values = o.values;
    } else {
      add(o, 1);
    }
  }
  void encode(std::string& out) const {
    append_varint(out, values ? values->counts.size() : 0);
    if (!values) return;
    for (const auto& [value, n] : values->counts) {
      Typed<V>::encode(value, out);
      append_varint(out, zigzag(n));
    }
  }
  void decode(ByteReader& in) {
    const uint64_t size = in.varint();
    for (uint64_t i = 0; i < size && in.ok(); ++i) {
      auto value = Typed<V>::decode(in);
      const int64_t n = in.count();
      if (n == 0) in.fail();
      if (!in.ok()) return;
      values.edit().add(value, n);
      if (values->counts.size() != i + 1) in.fail();  // twice the same
    }
  }
};

template <class V>
class ValuesBase : public ObjectAggregate<ValueCountsState<V>> {
 public:
  bool can_subtract() const override { return true; }
  void subtract(std::byte* from, const std::byte* what) const override {
    this->at(from).add(this->at(what), -1);
  }
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    Typed<V>::with(*in.args[0].column, [&](auto get) {
      each_value(in, in.args[0], get,
                 [&](int32_t row, V v) { this->at(rows[row] + offset).values.edit().add(v, 1); });
    });
  }
};

template <class V>
class CountDistinct : public ValuesBase<V> {
 public:
  explicit CountDistinct(const Type&) {}
  Type result_type() const override { return Kind::int64; }
  bool result_nullable() const override { return false; }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const auto& values = this->at(state).values;
    out.append(values ? static_cast<int64_t>(values->counts.size()) : int64_t{0});
    return {};
  }
};

template <class V>
class TopK : public ValuesBase<V> {
 public:
  TopK(const Type& type, int64_t k) : type_(Type::list(type, false)), k_(static_cast<size_t>(k)) {}
  Type result_type() const override { return type_; }
  bool result_nullable() const override { return true; }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const auto& values = this->at(state).values;
    if (!values || values->counts.empty()) {
      out.append_null();
      return {};
    }
    std::vector<decltype(values->counts.begin())> order;
    for (auto it = values->counts.begin(); it != values->counts.end(); ++it) order.push_back(it);
    // Stable: equal counts stay in the order of values.
    std::stable_sort(order.begin(), order.end(), [](auto a, auto b) { return a->second > b->second; });
    for (size_t i = 0; i < std::min(k_, order.size()); ++i) Typed<V>::append(order[i]->first, out.child(0));
    out.end_list();
    return {};
  }

 private:
  Type type_;
  size_t k_;
};

// The values in order of (time, value), each as often as it came.
template <class V>
struct TimedValues : RefCount {
  using Item = std::pair<Micros, typename Typed<V>::Stored>;
  struct Less {
    bool operator()(const Item& a, const Item& b) const {
      return a.first != b.first ? a.first < b.first : Typed<V>::less(a.second, b.second);
    }
  };
  std::map<Item, int64_t, Less> counts;
  int64_t size = 0;

  void add(const Item& item, int64_t n) {
    const auto it = counts.emplace(item, 0).first;
    it->second += n;
    size += n;
    if (it->second == 0) counts.erase(it);
  }
};

template <class V>
struct CollectState {
  CowRef<TimedValues<V>> values;

  void add(const CollectState& o, int64_t sign) {
    if (!o.values) return;
    const CowRef<TimedValues<V>> keep = o.values;
    for (const auto& [item, n] : keep->counts) values.edit().add(item, sign * n);
  }
  void merge(const CollectState& o) {
    if (!values) {
      values = o.values;
    } else {
      add(o, 1);
    }
  }
  void encode(std::string& out) const {
    append_varint(out, values ? values->counts.size() : 0);
    if (!values) return;
    for (const auto& [item, n] : values->counts) {
      append_varint(out, zigzag(item.first));
      Typed<V>::encode(item.second, out);
      append_varint(out, zigzag(n));
    }
  }
  void decode(ByteReader& in) {
    const uint64_t size = in.varint();
    for (uint64_t i = 0; i < size && in.ok(); ++i) {
      const Micros time = unzigzag(in.varint());
      auto value = Typed<V>::decode(in);
      const int64_t n = in.count();
      if (n == 0) in.fail();
      if (!in.ok()) return;
      values.edit().add({time, std::move(value)}, n);
      if (values->counts.size() != i + 1 || values->size > ByteReader::kMostCounted) in.fail();
    }
  }
};

template <class V>
class Collect : public ObjectAggregate<CollectState<V>> {
 public:
  explicit Collect(const Type& type) : type_(Type::list(type, false)) {}
  Type result_type() const override { return type_; }
  bool result_nullable() const override { return true; }
  bool can_subtract() const override { return true; }
  void subtract(std::byte* from, const std::byte* what) const override {
    this->at(from).add(this->at(what), -1);
  }
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    Typed<V>::with(*in.args[0].column, [&](auto get) {
      each_value(in, in.args[0], get, [&](int32_t row, V v) {
        const Micros time = in.event_time ? in.event_time[row] : 0;
        this->at(rows[row] + offset).values.edit().add({time, typename Typed<V>::Stored(v)}, 1);
      });
    });
  }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const auto& values = this->at(state).values;
    if (!values || values->counts.empty()) {
      out.append_null();
      return {};
    }
    if (values->size > kMostCollected) {
      return Status::user(Code::out_of_range, "collect() got more than 100000 values: use top_k or a filter");
    }
    for (const auto& [item, n] : values->counts) {
      for (int64_t i = 0; i < n; ++i) Typed<V>::append(item.second, out.child(0));
    }
    out.end_list();
    return {};
  }

 private:
  static constexpr int64_t kMostCollected = 100'000;
  Type type_;
};

constexpr int64_t kMostValues = 10'000;

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(aggregate_values) {
  using namespace rideflow;
  add_aggregate(catalog, "count_distinct", "count(distinct x) -> int64",
                "How many different values, exactly: it keeps them all. approx_count_distinct needs less.",
                {}, [](std::span<const ArgInfo> args) -> std::shared_ptr<const Aggregate> {
                  return args.size() == 1 ? make_for_store<CountDistinct>(args[0].type) : nullptr;
                });
  add_aggregate(catalog, "top_k", "top_k(x, k from 1 to 10000) -> list of the type of x",
                "The k values that came most often, most often first; equal counts by value.", {},
                [](std::span<const ArgInfo> args) -> std::shared_ptr<const Aggregate> {
                  if (args.size() != 2 || !args[1].literal || !args[1].type.is_integer()) return nullptr;
                  const int64_t k = args[1].literal->integer;
                  if (k < 1 || k > kMostValues) return nullptr;
                  return make_for_store<TopK>(args[0].type, k);
                });
  add_aggregate(catalog, "collect", "collect(x) -> list of the type of x",
                "All values in order of event time, equal times by value; at most 100,000.", {},
                [](std::span<const ArgInfo> args) -> std::shared_ptr<const Aggregate> {
                  return args.size() == 1 ? make_for_store<Collect>(args[0].type) : nullptr;
                });
}
