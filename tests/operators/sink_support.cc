#include "tests/operators/sink_support.h"

#include <gtest/gtest.h>

#include "engine/builder.h"
#include "tests/operators/decode_support.h"

namespace rideflow::test {

SchemaRef city_schema() {
  return make_schema({{"city", Kind::string, true}, {"n", Kind::int64, false}});
}

Batch city_rows(const std::vector<std::string>& texts) {
  ColumnBuilder city(Kind::string);
  ColumnBuilder n(Kind::int64);
  Batch batch;
  batch.schema = city_schema();
  batch.rows = static_cast<int32_t>(texts.size());
  batch.event_time = BufferRef::allocate(texts.size() * sizeof(Micros));
  for (size_t i = 0; i < texts.size(); ++i) {
    const size_t colon = texts[i].find(':');
    colon == 0 ? city.append_null() : city.append_string(texts[i].substr(0, colon));
    n.append<int64_t>(std::stoll(texts[i].substr(colon + 1)));
    batch.event_time.as_mutable<Micros>()[i] = VirtualEnv::kStart + static_cast<Micros>(i) * kMicrosPerSecond;
  }
  batch.columns.push_back(city.finish());
  batch.columns.push_back(n.finish());
  return batch;
}

OpenContext SinkWorld::context(int shard, int parallelism) {
  OpenContext c;
  c.env = &env;
  c.resources = &resources;
  c.metrics = &metrics;
  c.job = "job";
  c.lineage = "l1";
  c.step = "out";
  c.shard = Shard(shard);
  c.parallelism = parallelism;
  return c;
}

std::shared_ptr<SinkConfig> SinkWorld::config(const std::string& kind, const Options& options,
                                              const std::string& format) {
  EXPECT_NE(catalog().find_sink(kind), nullptr);
  auto c = std::make_shared<SinkConfig>();
  c->sink = "out";
  c->job = "job";
  c->input = city_schema();
  c->options = options;
  c->make_encoder = [format] { return catalog().find_format(format)->make_encoder(city_schema(), {}); };
  return c;
}

std::unique_ptr<Sink> SinkWorld::sink(const std::string& kind, const Options& options,
                                      const std::string& format, int shard, int parallelism) {
  auto made = catalog().find_sink(kind)->make(config(kind, options, format));
  EXPECT_TRUE(made.ok()) << made.status().to_string();
  const Status opened = (*made)->open(context(shard, parallelism));
  EXPECT_TRUE(opened.ok()) << opened.to_string();
  return *std::move(made);
}

void write(Sink& sink, const std::vector<std::string>& rows) {
  NoOutput out;
  Batch batch = city_rows(rows);
  const Status status = sink.process(0, batch, out).status();
  EXPECT_TRUE(status.ok()) << status.to_string();
}

std::string prepare(Sink& sink, int64_t epoch) {
  auto prepared = sink.prepare(Epoch(epoch));
  EXPECT_TRUE(prepared.ok()) << prepared.status().to_string();
  if (prepared->durable != nullptr) {
    EXPECT_TRUE(prepared->durable->done());
    EXPECT_TRUE(prepared->durable->status().ok()) << prepared->durable->status().to_string();
  }
  return prepared->handle;
}

}  // namespace rideflow::test
