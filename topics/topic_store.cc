#include "topics/topic_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/hash.h"
#include "engine/presence.h"
#include "topics/commit_log.h"
#include "topics/partition_log.h"
#include "topics/topic_shared.h"

namespace rideflow {
namespace {

constexpr std::string_view kFirstLine = "rideflow-topic 1\n";
constexpr int32_t kMaxPartitions = 1024;

struct Settings {
  TopicConfig config;
  std::string id;  // empty: written by a version that knew none
};

std::string encode_settings(const Settings& settings) {
  const TopicConfig& config = settings.config;
  std::string text = fmt::format(
      "{}partitions {}\nretention_micros {}\nretention_bytes {}\nsegment_bytes {}\ncompress_from_bytes {}\n",
      kFirstLine, config.partitions, config.retention_micros, config.retention_bytes, config.segment_bytes,
      config.compress_from_bytes);
  if (!settings.id.empty()) text += fmt::format("id {}\n", settings.id);
  return text += fmt::format("checksum {:016x}\n", checksum64(text));
}

Result<Settings> decode_settings(const std::string& path, const std::string& text) {
  const std::string_view view = text;
  if (!view.starts_with(kFirstLine)) {
    if (view.starts_with("rideflow-topic "))
      return Status::external(Code::failed_precondition, "'" + path + "' was written by a newer Rideflow (" +
                                                             std::string(view.substr(0, view.find('\n'))) +
                                                             "): use that one.");
    return Status::external(Code::data_loss, "'" + path + "' is damaged: restore it, or remove the topic.");
  }
  const size_t last = view.rfind("checksum ");
  if (last == std::string_view::npos ||
      view.substr(last) != fmt::format("checksum {:016x}\n", checksum64(view.substr(0, last))))
    return Status::external(Code::data_loss, "'" + path + "' is damaged: restore it, or remove the topic.");
  const auto number = [&](std::string_view name) {
    int64_t value = 0;
    const size_t at = view.find(fmt::format("\n{} ", name));
    if (at == std::string_view::npos) return value;
    const char* begin = view.data() + at + name.size() + 2;
    std::from_chars(begin, view.data() + view.size(), value);
    return value;
  };
  Settings settings;
  if (const size_t at = view.find("\nid "); at != std::string_view::npos)
    settings.id = view.substr(at + 4, view.find('\n', at + 1) - at - 4);
  TopicConfig& config = settings.config;
  config.partitions = static_cast<int32_t>(number("partitions"));
  config.retention_micros = number("retention_micros");
  config.retention_bytes = number("retention_bytes");
  config.segment_bytes = number("segment_bytes");
  config.compress_from_bytes = number("compress_from_bytes");
  return settings;
}

Status check_config(const TopicConfig& config) {
  if (config.partitions < 1 || config.partitions > kMaxPartitions)
    return Status::user(Code::invalid_argument, fmt::format("A topic has 1 to {} partitions, not {}.",
                                                            kMaxPartitions, config.partitions));
  if (config.segment_bytes < 1 || config.segment_bytes > int64_t{1} << 30)
    return Status::user(Code::invalid_argument, "A topic's segments have at most 1 GiB.");
  if (config.retention_micros < 0 || config.retention_bytes < 0 || config.compress_from_bytes < 0)
    return Status::user(Code::invalid_argument, "A topic's limits are 0 (none) or more.");
  return {};
}

std::string new_id(Env& env) {
  return fmt::format("{:016x}", env.random());
}

constexpr std::string_view kRemoved = "~removed-";

// A file or directory of a topic that was made; empty: there is none, or it was being made when the process
// died.
Result<std::string> what_is_left(FileSystem& fs, const std::string& dir) {
  const auto entries = fs.list(dir);
  if (!entries.ok() && entries.status().code() == Code::not_found) return std::string();
  if (!entries.ok()) return Status(entries.status());
  for (const DirEntry& entry : *entries) {
    if (!entry.name.ends_with(".tmp")) return entry.name;
  }
  return std::string();
}

Status no_such_topic(const std::string& name) {
  return Status::user(Code::not_found,
                      "There is no topic '" + name + "' here: `rideflow topics list` names those that are.");
}

}  // namespace

std::string encode_identity(const TopicIdentity& topic) {
  return "topic " + topic.id + " " + topic.name;
}

std::optional<TopicIdentity> decode_identity(std::string_view bytes) {
  constexpr std::string_view kWord = "topic ";
  if (!bytes.starts_with(kWord)) return std::nullopt;
  bytes.remove_prefix(kWord.size());
  const size_t space = bytes.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return TopicIdentity{std::string(bytes.substr(space + 1)), std::string(bytes.substr(0, space))};
}

bool is_same_topic(const TopicIdentity& a, const TopicIdentity& b) {
  return a.name == b.name && (a.id.empty() || b.id.empty() || a.id == b.id);
}

TopicStore::TopicStore(Env& env, std::string dir, TopicStoreUse use)
    : env_(env), dir_(std::move(dir)), shared_(std::make_shared<TopicShared>()) {
  shared_->use = use;
}

Result<std::shared_ptr<TopicStore>> TopicStore::open(Env& env, const std::string& dir, TopicStoreUse use) {
  RF_TRY(env.fs().make_dirs(dir));
  return std::shared_ptr<TopicStore>(new TopicStore(env, dir, use));
}

void TopicStore::set_read_positions(const std::string& reader, std::vector<ReadPosition> positions) {
  shared_->positions.set(reader, std::move(positions));
}

bool TopicStore::keeps_rows(std::string_view name) {
  return name.starts_with("_rejected.") || name.starts_with("_late.");
}

Status TopicStore::check_name(std::string_view name) {
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (!name.empty() && name.size() <= 249 && name != "." && name != ".." && letters) return {};
  return Status::user(
      Code::invalid_argument,
      fmt::format("'{}' can't be a topic's name: use 1 to 249 letters, digits, '.', '_', '-'.", name));
}

Result<std::shared_ptr<Topic>> TopicStore::create(const std::string& name, const TopicConfig& config) {
  const std::lock_guard lock(mutex_);
  auto existing = find_locked(name);
  if (existing.ok()) return Status::user(Code::already_exists, "There is a topic '" + name + "' already.");
  if (existing.status().code() != Code::not_found) return std::move(existing).status();
  return create_locked(name, config);
}

Result<std::shared_ptr<Topic>> TopicStore::find(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return find_locked(name);
}

Result<std::shared_ptr<Topic>> TopicStore::find_or_create(const std::string& name,
                                                          const TopicConfig& config) {
  const std::lock_guard lock(mutex_);
  auto existing = find_locked(name);
  if (existing.ok() || existing.status().code() != Code::not_found) return existing;
  return create_locked(name, config);
}

// A topic exists if and only if its TOPIC file does.
Result<std::shared_ptr<Topic>> TopicStore::find_locked(const std::string& name) {
  RF_TRY(check_name(name));
  const auto it = topics_.find(name);
  if (it != topics_.end()) return it->second;
  const std::string dir = join_path(dir_, name);
  const std::string path = join_path(dir, "TOPIC");
  const auto text = read_file(env_.fs(), path);
  if (!text.ok()) {
    if (text.status().code() != Code::not_found) return Status(text.status());
    RF_ASSIGN(const std::string left, what_is_left(env_.fs(), dir));
    if (left.empty()) return no_such_topic(name);
    return Status::external(Code::data_loss, fmt::format("'{0}' is missing, but the topic's '{1}' is there. "
                                                         "Restore the file from a copy, or remove '{2}' to "
                                                         "give the topic up.",
                                                         path, left, dir));
  }
  RF_ASSIGN(Settings settings, decode_settings(path, *text));
  if (settings.id.empty() && shared_->use == TopicStoreUse::write) {
    settings.id = new_id(env_);
    RF_TRY(write_file_atomic(env_.fs(), path, encode_settings(settings)));
  }
  if (keeps_rows(name)) settings.config.retention_micros = settings.config.retention_bytes = 0;
  std::shared_ptr<Topic> topic(new Topic(env_, dir, {name, settings.id}, settings.config, shared_));
  if (Status status = topic->open(); !status.ok()) return status.with("topic '" + name + "'");
  topics_[name] = topic;
  return topic;
}

Result<std::shared_ptr<Topic>> TopicStore::create_locked(const std::string& name, const TopicConfig& config) {
  RF_TRY(check_config(config));
  RF_TRY(sweep_removed());
  const std::string dir = join_path(dir_, name);
  RF_TRY(env_.fs().remove_tree(dir));  // at most a TOPIC.tmp
  RF_TRY(env_.fs().make_dirs(dir));
  RF_TRY(write_file_atomic(env_.fs(), join_path(dir, "TOPIC"), encode_settings({config, new_id(env_)})));
  env_.info("topic_created", {{"topic", name}, {"partitions", std::to_string(config.partitions)}});
  return find_locked(name);
}

Status TopicStore::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  RF_TRY(check_name(name));
  const std::string dir = join_path(dir_, name);
  RF_ASSIGN(const bool there, exists(env_.fs(), join_path(dir, "TOPIC")));
  if (!there) return no_such_topic(name);
  if (const auto it = topics_.find(name); it != topics_.end()) {
    const std::lock_guard writing(it->second->write_mutex_);
    it->second->removed_ = true;
  }
  topics_.erase(name);
  // Under a name that no topic has first: a topic that lost its TOPIC file must not look like one being
  // removed.
  RF_TRY(env_.fs().rename(dir, join_path(dir_, fmt::format("{}{:016x}", kRemoved, env_.random()))));
  RF_TRY(env_.fs().sync_dir(dir_));
  env_.info("topic_removed", {{"topic", name}});
  RF_TRY(sweep_removed());
  return env_.fs().sync_dir(dir_);
}

Status TopicStore::sweep_removed() {
  RF_ASSIGN(const auto entries, env_.fs().list(dir_));
  for (const DirEntry& entry : entries) {
    if (entry.name.starts_with(kRemoved)) RF_TRY(env_.fs().remove_tree(join_path(dir_, entry.name)));
  }
  return {};
}

Result<std::vector<std::string>> TopicStore::list() {
  const std::lock_guard lock(mutex_);
  RF_ASSIGN(const auto entries, env_.fs().list(dir_));
  std::vector<std::string> names;
  for (const DirEntry& entry : entries) {
    if (!entry.is_dir || entry.name.starts_with(kRemoved)) continue;
    // A topic without its TOPIC file is named too: find() says what is wrong.
    RF_ASSIGN(const std::string left, what_is_left(env_.fs(), join_path(dir_, entry.name)));
    if (!left.empty()) names.push_back(entry.name);
  }
  return names;
}

}  // namespace rideflow
