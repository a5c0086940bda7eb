// Merging windows: hopping ones whose aggregates do not subtract. Runs of complete panes are merged once into
// the nodes of a binary tree, so that a window is put together from a few tables, however many slices it has
// (a stack of suffixes would need one full table per slice).
#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "operators/window/hopping_windows.h"

namespace rideflow {

namespace {

// Zones and months make slices of unequal length: half of one is less than the shortest.
int64_t width_of_ordinals(const WindowSpec& spec) {
  const TimeRange slice = slice_of(spec, 0);
  const bool equal = (!spec.zone || spec.zone->is_utc()) && (spec.size.is_fixed() || spec.slide.is_fixed());
  return std::max<int64_t>((slice.end - slice.start) / (equal ? 1 : 2), 1);
}

class MergingWindows : public HoppingWindows {
 public:
  explicit MergingWindows(const Parts& parts)
      : HoppingWindows(parts), width_(width_of_ordinals(parts.plan.spec)) {}

  // Nodes hold panes as they were.
  void counted(std::span<const PaneRows> groups, const CountedBatch&) override {
    for (const PaneRows& group : groups) {
      if (group.pane->first_end == kNoTime) forget_nodes(*group.pane);
    }
  }
  void on_pane_dropped(const Pane& pane) override { forget_nodes(pane); }

  size_t derived_bytes() const override {
    size_t bytes = 0;
    for (const auto& [place, table] : nodes_) bytes += table->bytes();
    return bytes;
  }

 private:
  void gather(const TimeRange& window, Firing& firing) override {
    std::vector<const KeyedTable*> tables;
    cover(ordinal(window.start), ordinal(window.end), tables, firing);
    for (const auto& [place, pane] : store().late_panes()) {
      if (pane.counts_for(window)) tables.push_back(pane.table.get());
    }
    firing.source = &scratch().emptied();
    for (const KeyedTable* table : tables) firing.merges.emplace_back(table, firing.source);
  }

  int64_t ordinal(Micros start) const { return start / width_ - (start % width_ < 0 ? 1 : 0); }

  // Aligned runs of 2^level ordinals that together are the panes of [begin, end). A table may still have
  // merges to run: they are in the firing, in order.
  void cover(int64_t begin, int64_t end, std::vector<const KeyedTable*>& tables, Firing& firing) {
    while (begin < end) {
      const int longest = static_cast<int>(std::bit_width(static_cast<uint64_t>(end - begin))) - 1;
      const int aligned = begin == 0 ? longest : std::countr_zero(static_cast<uint64_t>(begin));
      const int level = std::min(longest, aligned);
      if (const KeyedTable* table = node(level, begin >> level, firing)) tables.push_back(table);
      begin += int64_t{1} << level;
    }
  }

  const KeyedTable* node(int level, int64_t index, Firing& firing) {
    const Micros begin = (index << level) * width_;
    const Micros end = begin + (width_ << level);
    PaneStore::Panes& panes = store().panes();
    const auto first = panes.lower_bound(begin);
    if (first == panes.end() || first->first >= end) return nullptr;
    const auto second = std::next(first);
    if (second == panes.end() || second->first >= end) return first->second.table.get();  // the only pane
    std::unique_ptr<KeyedTable>& made = nodes_[{level, index}];
    if (made) return made.get();
    made = store().take_table();
    KeyedTable* table = made.get();
    for (const int64_t child : {index * 2, index * 2 + 1}) {
      if (const KeyedTable* part = node(level - 1, child, firing)) firing.merges.emplace_back(part, table);
    }
    return table;
  }

  void forget_nodes(const Pane& pane) {
    if (nodes_.empty()) return;
    const int64_t at = ordinal(pane.slice.start);
    for (int level = 1; level < 48; ++level) {
      const auto it = nodes_.find({level, at >> level});
      if (it == nodes_.end()) continue;
      store().give_back(std::move(it->second));
      nodes_.erase(it);
    }
  }

  const int64_t width_;
  std::map<std::pair<int, int64_t>, std::unique_ptr<KeyedTable>> nodes_;
};

}  // namespace

std::unique_ptr<WindowStrategy> make_merging_windows(const WindowStrategy::Parts& parts) {
  return std::make_unique<MergingWindows>(parts);
}

}  // namespace rideflow
