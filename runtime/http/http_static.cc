#include "runtime/http/http_static.h"

#include <fmt/format.h>

#include "engine/hash.h"

namespace rideflow {
namespace {

std::string_view content_type(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".webp", "image/webp"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".woff", "font/woff"},
      {".wasm", "application/wasm"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

// "index-BdK3x9aQ.js": Vite ends a name that changes with its content by '-' and eight characters, '-' among
// them.
bool is_hashed(std::string_view path) {
  constexpr size_t kHash = 8;
  if (!path.starts_with("/assets/")) return false;
  const std::string_view stem = path.substr(0, path.rfind('.'));
  return stem.size() > kHash && stem[stem.size() - kHash - 1] == '-';
}

// Only such a path may be a route of the console: no dot, no escape.
bool is_page_path(std::string_view path) {
  if (path.starts_with("/assets/") || path.starts_with("/api/") || is_druid_path(path)) return false;
  return path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/") ==
         std::string_view::npos;
}

}  // namespace

std::string_view content_security_policy() {
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
         "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'";
}

Result<std::unique_ptr<StaticFiles>> StaticFiles::open(FileSystem& fs, const std::string& dir) {
  std::unique_ptr<StaticFiles> files(new StaticFiles(fs, dir));
  RF_TRY(files->load());
  return files;
}

Status StaticFiles::load() {
  const Result<DirEntry> index = fs_.stat(join_path(dir_, "index.html"));
  if (!index.ok() && index.status().code() != Code::not_found) return index.status();
  if (!index.ok()) {
    return Status::user(Code::not_found,
                        fmt::format("{} has no index.html: build the console, or name its folder.", dir_));
  }
  auto files = std::make_shared<Files>();
  loaded_bytes_ = 0;
  RF_TRY(load_folder(dir_, "/", 0, *files));
  index_modified_ = index->modified;
  files_ = std::move(files);
  return {};
}

Status StaticFiles::load_folder(const std::string& dir, const std::string& path, int depth, Files& files) {
  if (depth > kDeepest) return {};
  RF_ASSIGN(const std::vector<DirEntry> entries, fs_.list(dir));
  for (const DirEntry& entry : entries) {
    if (entry.name.starts_with('.')) continue;
    const std::string on_disk = join_path(dir, entry.name);
    const std::string name = path + entry.name;
    if (entry.is_dir) {
      RF_TRY(load_folder(on_disk, name + "/", depth + 1, files));
      continue;
    }
    if (loaded_bytes_ + entry.size > kMostBytes) continue;
    File file;
    RF_ASSIGN(file.content, read_file(fs_, on_disk));
    loaded_bytes_ += static_cast<int64_t>(file.content.size());
    file.type = content_type(entry.name);
    file.etag = fmt::format("\"{:016x}\"", checksum64(file.content));
    file.keep_for_ever = is_hashed(name);
    files[name] = std::move(file);
  }
  return {};
}

std::shared_ptr<const StaticFiles::Files> StaticFiles::current() {
  const std::lock_guard lock(mutex_);
  const Result<DirEntry> index = fs_.stat(join_path(dir_, "index.html"));
  if (index.ok() && index->modified != index_modified_) {
    const Status reloaded = load();  // a build that is half done is tried again by the next request
    if (!reloaded.ok()) return files_;
  }
  return files_;
}

HttpResponse StaticFiles::get(const HttpRequest& request) {
  const std::shared_ptr<const Files> files = current();
  const std::string path = percent_decode(request.path).value_or("");
  auto found = files->find(path == "/" ? "/index.html" : path);
  if (found == files->end() && is_page_path(request.path)) found = files->find("/index.html");
  if (found == files->end()) {
    return error_response(404, fmt::format("There is nothing at {}.", request.path),
                          is_druid_path(request.path));
  }
  const File& file = found->second;
  HttpResponse response;
  response.content_type = file.type;
  response.headers.emplace_back("ETag", file.etag);
  response.headers.emplace_back("Cache-Control",
                                file.keep_for_ever ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.emplace_back("Content-Security-Policy", content_security_policy());
  if (request.header("if-none-match") == file.etag) {
    response.status = 304;
    return response;
  }
  response.body = file.content;
  return response;
}

}  // namespace rideflow
