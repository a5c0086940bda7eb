// The console's files, read into memory from one folder. Requests choose among what was found there, so no
// name in a URL ever reaches the disk.
//
// Vite's hashed files under assets/ may be kept by browsers for ever, everything else is asked for again
// (ETag, 304). Paths of plain letters that are no file get index.html: the console's own routes. When
// index.html was rebuilt, the folder is read again. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine/env.h"
#include "runtime/http/http_message.h"

namespace rideflow {

class StaticFiles {
 public:
  static constexpr int64_t kMostBytes = int64_t{64} << 20;
  static constexpr int kDeepest = 8;

  // not_found when the folder has no index.html. Links and files beyond the limits are left out.
  static Result<std::unique_ptr<StaticFiles>> open(FileSystem& fs, const std::string& dir);

  // The answer to GET request.path.
  HttpResponse get(const HttpRequest& request);

 private:
  struct File {
    std::string content;
    std::string type;
    std::string etag;
    bool keep_for_ever = false;
  };
  using Files = std::map<std::string, File, std::less<>>;  // by path: "/assets/index-4f2a.js"

  StaticFiles(FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}
  Status load();
  Status load_folder(const std::string& dir, const std::string& path, int depth, Files& files);
  std::shared_ptr<const Files> current();

  FileSystem& fs_;
  const std::string dir_;
  std::mutex mutex_;
  std::shared_ptr<const Files> files_;
  Micros index_modified_ = kNoTime;
  int64_t loaded_bytes_ = 0;
};

// What every answer carries against a browser's guesses, and what the console's pages may load: themselves.
std::string_view content_security_policy();

}  // namespace rideflow
