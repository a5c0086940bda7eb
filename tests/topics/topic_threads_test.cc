// Many threads on one topic: producers, a committing sink, readers that follow, retention. Made to be run
// under the thread sanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/posix_env.h"
#include "tests/support/temp_dir.h"
#include "tests/topics/topic_test_util.h"

namespace rideflow {
namespace topic_threads_test {

constexpr int kProducers = 2;
constexpr int kAppends = 60;
constexpr int kEpochs = 15;

// Each gives how often something failed.
int produce(Topic& topic, int producer) {
  std::vector<std::shared_ptr<AppendTicket>> tickets;
  for (int i = 0; i < kAppends; ++i) {
    const std::string payload = "p" + std::to_string(producer) + "-" + std::to_string(i);
    auto ticket = topic.append({test::record(payload)});
    if (ticket.ok()) tickets.push_back(*ticket);
    if (i % 10 == 0) std::this_thread::yield();
  }
  int failures = 0;
  for (const auto& ticket : tickets) {
    while (!ticket->done()) std::this_thread::yield();
    failures += ticket->status().ok() && ticket->places().size() == 1 ? 0 : 1;
  }
  return failures;
}

int commit_epochs(Topic& topic) {
  int failures = 0;
  for (int64_t epoch = 1; epoch <= kEpochs; ++epoch) {
    StagedEpoch staged = topic.stage(test::marker(epoch), test::epoch_rows(topic, epoch, 10));
    while (!staged.durable->done()) std::this_thread::yield();
    failures += topic.commit(staged.handle).ok() ? 0 : 1;
    failures += topic.marker("L1", "out", Shard(0)) == Epoch(epoch) ? 0 : 1;
  }
  return failures;
}

// Reads what comes, and once more when nothing is written any more.
int follow(Topic& topic, Partition partition, const std::atomic<bool>& writing,
           std::vector<std::string>& seen) {
  auto reader = topic.reader(partition, 0);
  bool last_round = false;
  while (true) {
    auto poll = reader->poll(7);
    if (!poll.ok()) return 1;
    if (poll->chunk) {
      for (const RecordOrigin& r : poll->chunk->records) seen.emplace_back(r.payload);
    } else if (last_round) {
      return 0;
    } else {
      last_round = !writing.load();
      std::this_thread::yield();
    }
  }
}

TEST(TopicThreads, ProducersASinkAndReadersDoNotDisturbEachOther) {
  test::TempDir temp;
  PosixEnvOptions quiet;
  quiet.log_level = LogLevel::error;
  PosixEnv env(quiet);
  auto store = *TopicStore::open(env, temp / "topics");
  TopicConfig config;
  config.partitions = 2;
  config.segment_bytes = 2000;
  auto topic = *store->create("t", config);
  std::atomic<bool> writing{true};
  std::atomic<int> failures{0};

  std::vector<std::thread> writers;
  for (int p = 0; p < kProducers; ++p) writers.emplace_back([&, p] { failures += produce(*topic, p); });
  writers.emplace_back([&] { failures += commit_epochs(*topic); });
  std::vector<std::thread> readers;
  std::vector<std::vector<std::string>> seen(2);
  for (int32_t p = 0; p < 2; ++p) {
    readers.emplace_back(
        [&, p] { failures += follow(*topic, Partition(p), writing, seen[static_cast<size_t>(p)]); });
  }
  for (std::thread& writer : writers) writer.join();
  writing = false;
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(failures, 0);
  std::vector<std::string> followed = seen[0];
  followed.insert(followed.end(), seen[1].begin(), seen[1].end());
  std::sort(followed.begin(), followed.end());
  EXPECT_EQ(followed.size(), static_cast<size_t>(kProducers * kAppends + kEpochs * 10));
  EXPECT_EQ(std::adjacent_find(followed.begin(), followed.end()), followed.end()) << "nothing twice";
  EXPECT_EQ(followed, test::read_sorted(*topic));
}

}  // namespace topic_threads_test
}  // namespace rideflow
