// TopicAccess: topics as a command sees them, whoever owns them: this process (the data directory is free),
// the process that holds the data directory's lock (through its HTTP port), or Kafka.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog.h"
#include "engine/env.h"
#include "engine/status.h"

namespace rideflow {

struct TopicLine {
  int32_t partition = 0;
  int64_t offset = 0;
  Micros timestamp = 0;
  std::string key;
  bool has_key = false;
  std::string value;
  bool has_value = true;  // false: a tombstone
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// The headers of record `index` of a chunk.
void add_headers(TopicLine& line, const Origin& chunk, size_t index);

// Headers that all records of one call get.
using RecordHeaders = std::vector<std::pair<std::string, std::string>>;

class TopicAccess {
 public:
  virtual ~TopicAccess() = default;
  virtual Result<std::vector<TopicInfo>> list() = 0;
  virtual Status create(const std::string& topic, int32_t partitions) = 0;
  // failed_precondition when jobs use it, unless `force` (topics of the data directory).
  virtual Status remove(const std::string& topic, bool force) = 0;
  // Durable when it returns.
  virtual Status produce(const std::string& topic, const std::vector<std::string>& records,
                         const RecordHeaders& headers) = 0;
  // Records of one partition from `offset` on, at most `limit`; fewer when there are no more now.
  virtual Result<std::vector<TopicLine>> read(const std::string& topic, int32_t partition, int64_t offset,
                                              int32_t limit) = 0;
  virtual Result<int32_t> partitions(const std::string& topic) = 0;
  // The offset of the oldest record that is left, and the one behind the newest.
  virtual Result<int64_t> first_offset(const std::string& topic, int32_t partition) = 0;
  virtual Result<int64_t> end_offset(const std::string& topic, int32_t partition) = 0;
};

// Over the stores of a data directory that nobody else owns. With `look` nothing is written but what
// remove() asks for.
Result<std::unique_ptr<TopicAccess>> open_local_topics(Env& env, const std::string& data_dir, bool look);

}  // namespace rideflow
