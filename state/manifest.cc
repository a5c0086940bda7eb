#include "state/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "engine/byte_codec.h"
#include "engine/hash.h"
#include "state/state_key.h"

namespace rideflow {
namespace {

constexpr std::string_view kName = "rideflow-checkpoint ";
constexpr int64_t kEpochsEnd = 10'000'000'000'000'000;  // names of files have 16 digits
enum Section : uint32_t { kJob = 1, kTask = 2, kTypes = 3, kText = 4 };

Status damaged(std::string_view why) {
  return Status::external(Code::data_loss, "The checkpoint's manifest is damaged: " + std::string(why) + ".");
}

void put_section(ByteWriter& out, Section tag, std::string_view body) {
  out.put(static_cast<uint32_t>(tag)).put_string(body);
}

void put_map(ByteWriter& out, const std::map<std::string, std::string>& map) {
  out.put(static_cast<uint32_t>(map.size()));
  for (const auto& [key, value] : map) out.put_string(key).put_string(value);
}

std::map<std::string, std::string> get_map(ByteReader& in) {
  std::map<std::string, std::string> map;
  const auto n = in.get<uint32_t>();
  for (uint32_t i = 0; i < n && in.ok(); ++i) {
    std::string key = in.get_string();
    map[std::move(key)] = in.get_string();
  }
  return map;
}

std::string encode_job(const Checkpoint& m) {
  int32_t parallelism = 1;
  for (const TaskSnapshot& task : m.tasks) parallelism = std::max(parallelism, task.shard.value + 1);
  ByteWriter out;
  out.put_string(m.job).put_string(m.lineage).put(m.epoch.value).put(m.key_groups);
  out.put(parallelism).put(m.created_at);
  return out.take();
}

Status decode_job(std::string_view bytes, Checkpoint& m) {
  ByteReader in(bytes);
  m.job = in.get_string();
  m.lineage = in.get_string();
  m.epoch = Epoch(in.get<int64_t>());
  m.key_groups = in.get<int32_t>();
  const auto parallelism = in.get<int32_t>();  // told to who reads the file
  m.created_at = in.get<Micros>();
  const bool possible = m.epoch.value >= 0 && m.epoch.value < kEpochsEnd && m.key_groups >= 1 &&
                        m.key_groups <= kMaxKeyGroups && parallelism >= 1;
  if (!in.ok() || !possible) return damaged("its job does not decode");
  return {};
}

std::string encode_files(const std::vector<StateFile>& files) {
  ByteWriter out;
  out.put(static_cast<uint32_t>(files.size()));
  for (const StateFile& file : files)
    out.put_string(file.name).put_string(file.db_name).put(file.bytes).put(file.checksum);
  return out.take();
}

Result<std::vector<StateFile>> decode_files(std::string_view bytes) {
  std::vector<StateFile> files;
  ByteReader in(bytes);
  const auto n = in.get<uint32_t>();
  for (uint32_t i = 0; i < n && in.ok(); ++i) {
    StateFile file;
    file.name = in.get_string();
    file.db_name = in.get_string();
    file.bytes = in.get<int64_t>();
    file.checksum = in.get<uint64_t>();
    for (const std::string* name : {&file.name, &file.db_name}) {
      if (name->empty() || name->find('/') != std::string::npos || *name == "." || *name == "..")
        return damaged("a file has no proper name");
    }
    files.push_back(std::move(file));
  }
  RF_TRY(in.finish("A task's list of files"));
  return files;
}

std::string encode_task(const TaskSnapshot& t) {
  ByteWriter out;
  out.put(t.task.value).put(t.shard.value).put(t.watermark);
  put_map(out, t.blobs);
  out.put(static_cast<uint32_t>(t.prepared.size()));
  for (const PreparedEpoch& sink : t.prepared)
    out.put_string(sink.sink).put(sink.shard.value).put(sink.epoch.value).put_string(sink.handle);
  out.put_string(encode_files(t.files));
  return out.take();
}

Result<TaskSnapshot> decode_task(std::string_view bytes) {
  ByteReader in(bytes);
  TaskSnapshot t;
  t.task = TaskId(in.get<int32_t>());
  t.shard = Shard(in.get<int32_t>());
  t.watermark = in.get<Micros>();
  t.blobs = get_map(in);
  const auto sinks = in.get<uint32_t>();
  for (uint32_t i = 0; i < sinks && in.ok(); ++i) {
    PreparedEpoch sink;
    sink.sink = in.get_string();
    sink.shard = Shard(in.get<int32_t>());
    sink.epoch = Epoch(in.get<int64_t>());
    sink.handle = in.get_string();
    t.prepared.push_back(std::move(sink));
  }
  const std::string files = in.get_string();
  if (!in.ok() || t.shard.value < 0 || t.shard.value == INT32_MAX) return damaged("a task does not decode");
  RF_ASSIGN(t.files, decode_files(files));
  return t;
}

// The four numbers of the first line, and what follows it.
struct Head {
  uint32_t format = 0;
  uint32_t least_reader = 0;
  std::string_view body;
};

Result<Head> decode_head(std::string_view bytes) {
  if (!bytes.starts_with(kName)) return damaged("it does not begin as one");
  const size_t end = bytes.find('\n');
  if (end == std::string_view::npos) return damaged("its first line does not end");
  std::string_view line = bytes.substr(kName.size(), end - kName.size());
  uint64_t numbers[4] = {};
  for (size_t i = 0; i < 4; ++i) {
    const auto [rest, error] =
        std::from_chars(line.data(), line.data() + line.size(), numbers[i], i == 3 ? 16 : 10);
    if (error != std::errc()) return damaged("its first line does not read");
    line.remove_prefix(static_cast<size_t>(rest - line.data()));
    if (line.starts_with(' ')) line.remove_prefix(1);
  }
  Head head;
  head.format = static_cast<uint32_t>(numbers[0]);
  head.least_reader = static_cast<uint32_t>(numbers[1]);
  if (head.least_reader > kManifestFormat)
    return Status::user(Code::failed_precondition,
                        fmt::format("The checkpoint has format {}, which needs a reader of format {}; this "
                                    "Rideflow reads up to {}: use a newer one.",
                                    head.format, head.least_reader, kManifestFormat));
  head.body = bytes.substr(end + 1);
  if (head.body.size() != numbers[2]) return damaged("it has not the size that it says");
  if (checksum64(head.body) != numbers[3]) return damaged("its checksum differs");
  return head;
}

}  // namespace

std::string encode_manifest(const Checkpoint& checkpoint) {
  ByteWriter out;
  put_section(out, kJob, encode_job(checkpoint));
  ByteWriter types;
  put_map(types, checkpoint.types);
  put_section(out, kTypes, types.take());
  if (!checkpoint.text.empty()) put_section(out, kText, checkpoint.text);
  for (const TaskSnapshot& task : checkpoint.tasks) put_section(out, kTask, encode_task(task));
  const std::string body = out.take();
  return fmt::format("{}{} {} {} {:016x}\n{}", kName, kManifestFormat, kManifestLeastReader, body.size(),
                     checksum64(body), body);
}

Result<Checkpoint> decode_manifest(std::string_view bytes) {
  RF_ASSIGN(const Head head, decode_head(bytes));
  Checkpoint checkpoint;
  bool has_job = false;
  ByteReader in(head.body);
  while (in.ok() && !in.at_end()) {
    const auto tag = in.get<uint32_t>();
    const std::string section = in.get_string();
    if (!in.ok()) break;
    if (tag == kJob) {
      RF_TRY(decode_job(section, checkpoint));
      has_job = true;
    } else if (tag == kTask) {
      RF_ASSIGN(TaskSnapshot task, decode_task(section));
      checkpoint.tasks.push_back(std::move(task));
    } else if (tag == kTypes) {
      ByteReader types(section);
      checkpoint.types = get_map(types);
      if (!types.ok()) return damaged("its types do not decode");
    } else if (tag == kText) {
      checkpoint.text = section;
    }
  }
  RF_TRY(in.finish("The checkpoint's manifest"));
  if (!has_job) return damaged("it names no job");
  for (TaskSnapshot& task : checkpoint.tasks) {
    task.epoch = checkpoint.epoch;
    const bool strange = std::any_of(task.prepared.begin(), task.prepared.end(), [&](const PreparedEpoch& p) {
      return p.epoch > checkpoint.epoch || p.epoch.value < 0 || p.shard.value < 0;
    });
    if (strange) return damaged("a sink prepared an epoch that can't be");
  }
  return checkpoint;
}

}  // namespace rideflow
