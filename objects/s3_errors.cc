#include "objects/s3_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "objects/s3_xml.h"

namespace rideflow {
namespace {

constexpr size_t kLongestShown = 2000;
constexpr size_t kLongestOfServer = 300;

struct Refusal {
  int status = 0;
  std::string code;     // S3's own, "AccessDenied"; "" where the body has none
  std::string message;  // S3's own
  std::string region;   // where it says that the bucket is elsewhere
};

Refusal read_refusal(const HttpAnswer& answer) {
  Refusal refusal;
  refusal.status = answer.status;
  refusal.region = answer.header("x-amz-bucket-region");
  const Result<XmlNode> root = parse_xml(answer.body);
  if (!root.ok() || root->name != "Error") return refusal;
  refusal.code = root->value("Code").substr(0, kLongestOfServer);
  refusal.message = root->value("Message").substr(0, kLongestOfServer);
  if (refusal.region.empty()) refusal.region = root->value("Region");
  return refusal;
}

struct Meaning {
  std::string_view s3_code;
  Code code;
  Retry retry;
  std::string_view way_out;
};

constexpr Meaning kMeanings[] = {
    {"NoSuchKey", Code::not_found, Retry::no, ""},
    {"NoSuchUpload", Code::not_found, Retry::no, ""},
    {"PreconditionFailed", Code::aborted, Retry::no, ""},
    {"NoSuchBucket", Code::failed_precondition, Retry::no, "Make the bucket, or mend its name in the URL."},
    {"AccessDenied", Code::permission_denied, Retry::no,
     "These credentials may not do that: their policy must allow to get, put, list and delete objects and to "
     "abort "
     "uploads in parts below this prefix."},
    {"AllAccessDisabled", Code::permission_denied, Retry::no, ""},
    {"InvalidAccessKeyId", Code::permission_denied, Retry::no,
     "The server does not know this access key: look at AWS_ACCESS_KEY_ID, and at the endpoint."},
    {"XAdminUserNotFound", Code::permission_denied, Retry::no,  // versitygw's word for it
     "The server does not know this access key: look at AWS_ACCESS_KEY_ID, and at the endpoint."},
    {"SignatureDoesNotMatch", Code::permission_denied, Retry::no,
     "The secret key does not belong to the access key: look at AWS_SECRET_ACCESS_KEY."},
    {"ExpiredToken", Code::permission_denied, Retry::no, "Get new credentials: this session is over."},
    {"InvalidToken", Code::permission_denied, Retry::no, "Look at AWS_SESSION_TOKEN."},
    {"RequestTimeTooSkewed", Code::permission_denied, Retry::no,
     "The clocks of this machine and of the server differ by minutes: set this one."},
    {"BadDigest", Code::data_loss, Retry::backoff, "The bytes were changed on their way."},
    {"XAmzContentSHA256Mismatch", Code::data_loss, Retry::backoff, "The bytes were changed on their way."},
    {"IncompleteBody", Code::unavailable, Retry::backoff, ""},
    {"RequestTimeout", Code::unavailable, Retry::backoff, ""},
    {"SlowDown", Code::unavailable, Retry::backoff, ""},
    {"ConditionalRequestConflict", Code::unavailable, Retry::backoff, ""},
    {"OperationAborted", Code::unavailable, Retry::backoff, ""},
    {"NotImplemented", Code::unimplemented, Retry::no, "This server speaks too little of S3."},
    {"EntityTooLarge", Code::resource_exhausted, Retry::no, ""},
    {"QuotaExceeded", Code::resource_exhausted, Retry::backoff, "Make room there."},
};

Meaning by_http_status(int status) {
  switch (status) {
    case 404:
      return {"", Code::not_found, Retry::no, ""};
    case 412:
      return {"", Code::aborted, Retry::no, ""};
    case 401:
    case 403:
      return {"", Code::permission_denied, Retry::no, "Look at the credentials and at what they may do."};
    case 408:
    case 409:
    case 425:
    case 429:
      return {"", Code::unavailable, Retry::backoff, ""};
    case 501:
      return {"", Code::unimplemented, Retry::no, "This server speaks too little of S3."};
    case 507:
      return {"", Code::resource_exhausted, Retry::backoff, "Make room there."};
    default:
      break;
  }
  // A success that is here has an error in its body: S3 begins to answer before it knows.
  if (status >= 500 || (status >= 200 && status < 300)) return {"", Code::unavailable, Retry::backoff, ""};
  return {"", Code::failed_precondition, Retry::no, ""};
}

Meaning meaning_of(const Refusal& refusal) {
  for (const Meaning& meaning : kMeanings) {
    if (meaning.s3_code == refusal.code) return meaning;
  }
  // A 404 of some other kind must not be taken for an object that is missing.
  if (refusal.status == 404 && !refusal.code.empty()) return by_http_status(400);
  return by_http_status(refusal.status);
}

// The bucket is elsewhere: never followed, since credentials go only where they were meant to.
bool is_elsewhere(const Refusal& refusal, const S3Settings& settings) {
  if (refusal.status == 301 || refusal.status == 302 || refusal.status == 307 || refusal.status == 308)
    return true;
  return !refusal.region.empty() && refusal.region != settings.region;
}

}  // namespace

std::string s3_subject(const S3Settings& settings, std::string_view method, std::string_view name) {
  return fmt::format("{} of '{}{}{}' at {}", method, settings.url(), name.empty() ? "" : "/", name,
                     settings.endpoint());
}

Status s3_refusal(const HttpAnswer& answer, const S3Settings& settings, const std::string& subject) {
  const Refusal refusal = read_refusal(answer);
  std::string text = fmt::format("{}: the server answers {}", subject, refusal.status);
  if (!refusal.code.empty()) text += " " + refusal.code;
  text += refusal.message.empty() ? "." : fmt::format(" ('{}').", refusal.message);
  if (is_elsewhere(refusal, settings)) {
    text += refusal.region.empty()
                ? fmt::format(" The bucket is not here: is it in region '{}', and is this its endpoint?",
                              settings.region)
                : fmt::format(
                      " The bucket is in region '{}' and not in '{}': set the URL's region=, or "
                      "AWS_REGION.",
                      refusal.region, settings.region);
    return Status::user(Code::failed_precondition, text);
  }
  const Meaning meaning = meaning_of(refusal);
  if (!meaning.way_out.empty()) text += fmt::format(" {}", meaning.way_out);
  return Status::external(meaning.code, text, meaning.retry);
}

std::string s3_shown(std::string_view text, const S3Credentials& credentials) {
  std::string shown(text);
  for (const std::string* secret : {&credentials.secret_access_key, &credentials.session_token}) {
    if (secret->empty()) continue;
    for (size_t at = shown.find(*secret); at != std::string::npos; at = shown.find(*secret, at))
      shown.replace(at, secret->size(), "***");
  }
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; },
      ' ');
  if (shown.size() > kLongestShown) {
    shown.resize(kLongestShown);
    shown += "…";
  }
  return shown;
}

}  // namespace rideflow
