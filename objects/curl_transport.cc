#include "objects/curl_transport.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace rideflow {
namespace {

constexpr size_t kLongestHeaders = 64 << 10;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

// What libcurl's callbacks fill while an exchange runs.
struct Receiver {
  const HttpRequest& request;
  CURL* handle;
  HttpAnswer answer;
  size_t header_bytes = 0;
  Status refused;  // why we wanted no more
};

size_t on_header(char* data, size_t, size_t size, void* user) {
  auto& receiver = *static_cast<Receiver*>(user);
  std::string_view line(data, size);
  receiver.header_bytes += size;
  if (receiver.header_bytes > kLongestHeaders) {
    receiver.refused = Status::external(Code::data_loss, "The answer's header is longer than 64 KiB.");
    return 0;
  }
  if (line.starts_with("HTTP/")) receiver.answer.headers.clear();  // after "100 Continue" comes another
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::string_view value = line.substr(colon + 1);
  const size_t first = std::min(value.find_first_not_of(" \t"), value.size());
  const size_t last = value.find_last_not_of(" \t\r\n");
  value = last == std::string_view::npos ? "" : value.substr(first, last + 1 - first);
  receiver.answer.headers.emplace_back(std::move(name), value);
  return size;
}

size_t on_body(char* data, size_t, size_t size, void* user) {
  auto& receiver = *static_cast<Receiver*>(user);
  long status = 0;
  curl_easy_getinfo(receiver.handle, CURLINFO_RESPONSE_CODE, &status);
  const bool success = status >= 200 && status < 300;
  if (success && receiver.request.sink) {
    receiver.refused = receiver.request.sink({data, size});
    return receiver.refused.ok() ? size : 0;
  }
  std::string& body = receiver.answer.body;
  // An error's text says enough with its beginning.
  const auto most = static_cast<size_t>(success ? receiver.request.max_answer : int64_t{64} << 10);
  if (body.size() + size > most && success) {
    receiver.refused = Status::external(Code::out_of_range, "The answer is longer than it may be.");
    return 0;
  }
  body.append(data, std::min(size, most - std::min(most, body.size())));
  return size;
}

// Of a transfer that brought no whole answer.
Status curl_error(CURLcode code, const char* detail) {
  std::string text = *detail ? detail : curl_easy_strerror(code);
  if (!text.ends_with('.')) text += '.';
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Status::user(Code::invalid_argument, text);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return Status::user(Code::failed_precondition,
                          text +
                              " If the server's certificate is signed by your own authority, name its file: "
                              "ca_file= in the URL, or AWS_CA_BUNDLE.");
    case CURLE_OUT_OF_MEMORY:
      return Status::external(Code::resource_exhausted, text, Retry::backoff);
    default:
      return Status::external(Code::unavailable, text, Retry::backoff);
  }
}

HeaderList header_list(const HttpRequest& request, const std::string& host) {
  curl_slist* list = nullptr;
  // Named, so that the port is signed too.
  list = curl_slist_append(list, ("Host: " + host).c_str());
  for (const auto& [name, value] : request.headers)
    list = curl_slist_append(list, (name + ": " + value).c_str());
  return HeaderList(list);
}

void set_method(CURL* handle, const HttpRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method == "PUT" || request.method == "POST") {
    // Also a PUT: its body is in memory, where libcurl reads it again after a connection that was closed
    // meanwhile.
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

void set_bounds(CURL* handle, const S3Settings& settings) {
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout_ms));
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings.stall_timeout_s));
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L << 10);
  curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
  if (!settings.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, settings.ca_file.c_str());
}

}  // namespace

// libcurl's handles, each with its connections, for one exchange at a time.
class CurlTransport::Handles {
 public:
  struct Close {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  using Handle = std::unique_ptr<CURL, Close>;

  Handle take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  void give_back(Handle handle) {
    curl_easy_reset(handle.get());  // connections stay
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(handle));
  }

 private:
  std::mutex mutex_;
  std::vector<Handle> idle_;
};

CurlTransport::CurlTransport(const S3Settings& settings)
    : settings_(settings), handles_(std::make_unique<Handles>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

CurlTransport::~CurlTransport() = default;

Result<HttpAnswer> CurlTransport::exchange(const HttpRequest& request) {
  Handles::Handle handle = handles_->take();
  if (!handle)
    return Status::external(Code::resource_exhausted, "libcurl has no memory for a handle.", Retry::backoff);
  CURL* curl = handle.get();
  const std::string host = settings_.request_host();
  const std::string url = fmt::format("{}://{}{}{}{}", settings_.scheme, host, request.path,
                                      request.query.empty() ? "" : "?", request.query);
  const std::string signing = fmt::format("aws:amz:{}:s3", settings_.region);
  const HeaderList headers = header_list(request, host);
  std::array<char, CURL_ERROR_SIZE> error = {};
  Receiver receiver{request, curl, {}, 0, {}};
  set_bounds(curl, settings_);
  set_method(curl, request);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, signing.c_str());
  curl_easy_setopt(curl, CURLOPT_USERNAME, request.credentials.access_key_id.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, request.credentials.secret_access_key.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &receiver);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiver);
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  handles_->give_back(std::move(handle));
  RF_TRY(std::move(receiver.refused));
  if (code != CURLE_OK) return curl_error(code, error.data());
  receiver.answer.status = static_cast<int>(status);
  return std::move(receiver.answer);
}

// What waits for no descriptor waits for its time.
void CurlTransport::pause(int64_t micros) {
  CURLM* multi = curl_multi_init();
  if (!multi) return;
  curl_multi_poll(multi, nullptr, 0, static_cast<int>(std::max<int64_t>(micros / 1000, 1)), nullptr);
  curl_multi_cleanup(multi);
}

}  // namespace rideflow
