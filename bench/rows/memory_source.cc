#include "bench/rows/memory_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/record_reader.h"

namespace rideflow::bench {
namespace {

using Chunk = std::shared_ptr<const Origin>;
using Chunks = std::vector<std::vector<Chunk>>;  // by partition

std::shared_ptr<Origin> chunk_of(const std::shared_ptr<const std::string>& topic, Partition partition,
                                 size_t records) {
  auto chunk = std::make_shared<Origin>();
  chunk->topic = topic;
  chunk->partition = partition;
  chunk->records.resize(records);
  return chunk;
}

void set_record(Origin& chunk, int64_t begin, int64_t i, std::string_view payload) {
  RecordOrigin& record = chunk.records[static_cast<size_t>(i)];
  record.payload = payload;
  record.position = begin + i;
  record.timestamp = kEndOfTime / 2;  // as a topic's record has one; never ahead of it
}

// What both sources do: every partition has all it will ever have.
class MemoryReader : public RecordReader {
 public:
  explicit MemoryReader(size_t partitions) : next_(partitions) {}

  Status open(const OpenContext&) override { return {}; }
  Result<std::vector<Partition>> partitions() override {
    std::vector<Partition> all;
    for (size_t p = 0; p < next_.size(); ++p) all.emplace_back(static_cast<int32_t>(p));
    return all;
  }
  bool may_grow() const override { return false; }
  Result<Position> resolve(Partition, StartAt, Micros) override { return Position{}; }
  Result<Position> end(Partition p) override { return Position{events_of(p), {}}; }
  Status assign(Partition p, const Position& position) override {
    next(p) = position.offset;
    return {};
  }
  Result<Poll> poll(Partition p, int32_t budget) override {
    Poll poll;
    if (next(p) == events_of(p)) {
      poll.state = Poll::State::ended;
      return poll;
    }
    poll.chunk = read(p, next(p), budget);
    next(p) += static_cast<int64_t>(poll.chunk->records.size());
    return poll;
  }
  Position position(Partition p) const override { return {next_[static_cast<size_t>(p.value)], {}}; }

 protected:
  virtual int64_t events_of(Partition p) const = 0;
  virtual Chunk read(Partition p, int64_t begin, int32_t budget) = 0;

 private:
  int64_t& next(Partition p) { return next_[static_cast<size_t>(p.value)]; }

  std::vector<int64_t> next_;
};

class WholeReader : public MemoryReader {
 public:
  explicit WholeReader(const RideData* data) : MemoryReader(1), data_(data) {}

 private:
  int64_t events_of(Partition) const override { return data_->events(); }
  Chunk read(Partition p, int64_t begin, int32_t budget) override {
    const int64_t n = std::min<int64_t>(budget, data_->events() - begin);
    auto chunk = chunk_of(topic_, p, static_cast<size_t>(n));
    chunk->arena = data_->bytes();
    for (int64_t i = 0; i < n; ++i) set_record(*chunk, begin, i, data_->event(begin + i));
    return chunk;
  }

  const RideData* data_;
  std::shared_ptr<const std::string> topic_ = std::make_shared<const std::string>("memory");
};

class ChunkReader : public MemoryReader {
 public:
  explicit ChunkReader(std::shared_ptr<const Chunks> chunks)
      : MemoryReader(chunks->size()), chunks_(std::move(chunks)) {}

 private:
  const std::vector<Chunk>& of(Partition p) const { return (*chunks_)[static_cast<size_t>(p.value)]; }
  int64_t events_of(Partition p) const override {
    if (of(p).empty()) return 0;
    const Origin& last = *of(p).back();
    return last.records.back().position + 1;
  }
  Chunk read(Partition p, int64_t begin, int32_t budget) override {
    const size_t chunk_records = of(p).front()->records.size();
    RF_CHECK(static_cast<size_t>(budget) >= chunk_records);
    return of(p)[static_cast<size_t>(begin) / chunk_records];
  }

  std::shared_ptr<const Chunks> chunks_;
};

Chunks copy_in_chunks(const RideData& data, int partitions, int32_t chunk_records) {
  Chunks chunks(static_cast<size_t>(partitions));
  const auto topic = std::make_shared<const std::string>("memory");
  for (int p = 0; p < partitions; ++p) {
    const int64_t events = (data.events() - p + partitions - 1) / partitions;
    const auto event = [&](int64_t i) { return data.event(i * partitions + p); };
    for (int64_t begin = 0; begin < events; begin += chunk_records) {
      const int64_t n = std::min<int64_t>(chunk_records, events - begin);
      auto chunk = chunk_of(topic, Partition(p), static_cast<size_t>(n));
      size_t size = 0;
      for (int64_t i = 0; i < n; ++i) size += event(begin + i).size();
      chunk->arena = BufferRef::allocate(size);
      char* to = chunk->arena.as_mutable<char>();
      for (int64_t i = 0; i < n; ++i) {
        const std::string_view bytes = event(begin + i);
        std::copy(bytes.begin(), bytes.end(), to);
        set_record(*chunk, begin, i, {to, bytes.size()});
        to += bytes.size();
      }
      chunks[static_cast<size_t>(p)].push_back(std::move(chunk));
    }
  }
  return chunks;
}

template <class Make>
std::shared_ptr<SourceKind> kind_of(Make make) {
  auto kind = std::make_shared<SourceKind>();
  kind->name = "memory";
  kind->make = [make](const SourceConfig&) -> Result<std::unique_ptr<RecordReader>> {
    return std::unique_ptr<RecordReader>(make());
  };
  return kind;
}

}  // namespace

std::shared_ptr<SourceKind> memory_source(const RideData* data) {
  return kind_of([data] { return std::make_unique<WholeReader>(data); });
}

std::shared_ptr<SourceKind> chunked_memory_source(const RideData& data, int partitions,
                                                  int32_t chunk_records) {
  auto chunks = std::make_shared<const Chunks>(copy_in_chunks(data, partitions, chunk_records));
  return kind_of([chunks] { return std::make_unique<ChunkReader>(chunks); });
}

}  // namespace rideflow::bench
