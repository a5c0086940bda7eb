#include "runtime/topic_access.h"

#include <map>

#include "runtime/posix_process.h"
#include "runtime/topic_users.h"
#include "state/data_dir.h"
#include "topics/topic_store.h"

namespace rideflow {
namespace {

class LocalTopics : public TopicAccess {
 public:
  LocalTopics(Env& env, std::unique_ptr<DataDir> dir, std::shared_ptr<TopicStore> store)
      : env_(env), dir_(std::move(dir)), store_(std::move(store)) {}

  Result<std::vector<TopicInfo>> list() override {
    RF_ASSIGN(const std::vector<std::string> names, store_->list());
    std::vector<TopicInfo> topics;
    for (const std::string& name : names) {
      RF_ASSIGN(const auto topic, store_->find(name));
      topics.push_back({name, topic->partitions(), topic->records(), topic->bytes()});
    }
    return topics;
  }
  Status create(const std::string& topic, int32_t partitions) override {
    TopicConfig config;
    config.partitions = partitions;
    return store_->create(topic, config).status();
  }
  Status remove(const std::string& topic, bool force) override {
    if (!force) {
      RF_ASSIGN(const std::vector<StoredJob> jobs, stored_jobs(env_, *dir_));
      RF_TRY(check_unused(topic, stored_users(jobs, *store_, topic)));
    }
    return store_->remove(topic);
  }
  Status produce(const std::string& topic, const std::vector<std::string>& records,
                 const RecordHeaders& headers) override {
    RF_ASSIGN(const auto log, store_->find_or_create(topic));
    const std::string encoded = encode_headers(headers);
    std::vector<TopicRecord> out;
    for (const std::string& record : records) {
      TopicRecord r;
      r.payload = record;
      r.headers = encoded;
      out.push_back(r);
    }
    return log->append_now(out);
  }
  Result<std::vector<TopicLine>> read(const std::string& topic, int32_t partition, int64_t offset,
                                      int32_t limit) override {
    RF_ASSIGN(const auto log, store_->find(topic));
    auto& reader = readers_[{topic, partition}];
    if (!reader) reader = log->reader(Partition(partition), offset);
    if (reader->offset() != offset) reader->seek(offset);
    RF_ASSIGN(const TopicPoll poll, reader->poll(limit));
    std::vector<TopicLine> lines;
    if (!poll.chunk) return lines;
    for (size_t i = 0; i < poll.chunk->records.size(); ++i) {
      const RecordOrigin& record = poll.chunk->records[i];
      TopicLine line;
      line.partition = partition;
      line.offset = record.position;
      line.timestamp = record.timestamp;
      line.has_key = record.key.data() != nullptr;
      line.key = std::string(record.key);
      line.has_value = record.payload.data() != nullptr;
      line.value = std::string(record.payload);
      add_headers(line, *poll.chunk, i);
      lines.push_back(std::move(line));
    }
    return lines;
  }
  Result<int32_t> partitions(const std::string& topic) override {
    RF_ASSIGN(const auto log, store_->find(topic));
    return log->partitions();
  }
  Result<int64_t> first_offset(const std::string& topic, int32_t partition) override {
    RF_ASSIGN(const auto log, store_->find(topic));
    return log->first_offset(Partition(partition));
  }
  Result<int64_t> end_offset(const std::string& topic, int32_t partition) override {
    RF_ASSIGN(const auto log, store_->find(topic));
    return log->end_offset(Partition(partition));
  }

 private:
  Env& env_;
  std::unique_ptr<DataDir> dir_;  // the lock, held while this command works
  std::shared_ptr<TopicStore> store_;
  std::map<std::pair<std::string, int32_t>, std::unique_ptr<PartitionReader>> readers_;
};

}  // namespace

void add_headers(TopicLine& line, const Origin& chunk, size_t index) {
  for (const RecordHeader& header : chunk.headers_of(index)) {
    auto& [name, value] = line.headers.emplace_back(header.name, std::nullopt);
    if (header.value.data() != nullptr) value = std::string(header.value);
  }
}

Result<std::unique_ptr<TopicAccess>> open_local_topics(Env& env, const std::string& data_dir, bool look) {
  RF_ASSIGN(auto dir, DataDir::open(env, data_dir, process_id()));
  RF_ASSIGN(auto store,
            TopicStore::open(env, dir->topics(), look ? TopicStoreUse::look : TopicStoreUse::write));
  RF_ASSIGN(const std::vector<StoredJob> jobs, stored_jobs(env, *dir));
  hold_unread(*store, jobs);
  return std::unique_ptr<TopicAccess>(std::make_unique<LocalTopics>(env, std::move(dir), std::move(store)));
}

}  // namespace rideflow
