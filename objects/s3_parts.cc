#include "objects/s3_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "objects/s3_answers.h"
#include "objects/s3_errors.h"
#include "objects/s3_xml.h"

namespace rideflow {
namespace {

// S3's own bound. The size of the parts grows with the file.
constexpr int64_t kMostParts = 10'000;

class Upload {
 public:
  Upload(S3Client& client, const std::string& name, std::string_view bytes)
      : client_(client),
        name_(name),
        bytes_(bytes),
        part_bytes_(std::max(client.settings().part_bytes,
                             (static_cast<int64_t>(bytes.size()) + kMostParts - 1) / kMostParts)),
        mark_(fmt::format("{:016x}", client.env().random())) {}

  Status run() {
    RF_TRY(begin());
    Status status = send_parts();
    if (status.ok()) status = complete();
    if (status.ok()) return {};
    const Status given_up = s3_give_up_parts(client_, name_, upload_id_);
    if (!given_up.ok()) client_.env().warn("s3_parts_left", {{"error", given_up.to_string()}});
    return status;
  }

 private:
  S3Call call(const std::string& method) const {
    S3Call call;
    call.method = method;
    call.name = name_;
    if (!upload_id_.empty()) call.query["uploadId"] = upload_id_;
    return call;
  }

  // What the object will have beside it is said here.
  Status begin() {
    S3Call begin = call("POST");
    begin.query["uploads"] = "";
    begin.headers = {{"content-type", "application/octet-stream"},
                     {std::string(kSumHeader), checksum_note(bytes_)},
                     {std::string(kMarkHeader), mark_}};
    begin.verify = [&](const HttpAnswer& answer) -> Status {
      RF_ASSIGN(const XmlNode root, parse_xml(answer.body));
      upload_id_ = root.value("UploadId");
      if (!upload_id_.empty()) return {};
      return Status::external(Code::data_loss, "The server names no upload.", Retry::backoff);
    };
    return client_.call(begin).status();
  }

  Status send_parts() {
    const auto size = static_cast<int64_t>(bytes_.size());
    for (int64_t from = 0; from < size; from += part_bytes_) {
      S3Call part = call("PUT");
      part.query["partNumber"] = std::to_string(tags_.size() + 1);
      part.headers = {{"content-type", "application/octet-stream"}};
      part.body = bytes_.substr(static_cast<size_t>(from), static_cast<size_t>(part_bytes_));
      part.verify = [](const HttpAnswer& answer) -> Status {
        if (!answer.header("etag").empty()) return {};
        return Status::external(Code::data_loss, "The server names no part.", Retry::backoff);
      };
      RF_ASSIGN(const HttpAnswer answer, client_.call(part));
      tags_.emplace_back(answer.header("etag"));
    }
    return {};
  }

  // The server may answer with success at once and with an error in the end. Where an answer was lost, the
  // next try finds no such upload: then the object says by its mark whether this upload became it.
  Status complete() {
    std::string list = "<CompleteMultipartUpload>";
    for (size_t i = 0; i < tags_.size(); ++i)
      list += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1,
                          xml_escaped(tags_[i]));
    list += "</CompleteMultipartUpload>";
    bool uncertain = false;
    S3Call complete = call("POST");
    complete.headers = {{"content-type", "application/xml"}};
    complete.body = list;
    complete.uncertain = &uncertain;
    complete.verify = [&](const HttpAnswer& answer) -> Status {
      RF_ASSIGN(const XmlNode root, parse_xml(answer.body));
      if (root.name == "CompleteMultipartUploadResult") return {};
      return s3_refusal(answer, client_.settings(), "the end of an upload in parts");
    };
    Status status = client_.call(complete).status();
    if (status.ok() || !uncertain) return status;
    S3Call head = call("HEAD");
    head.query.clear();
    const Result<HttpAnswer> there = client_.call(head);
    return there.ok() && there->header(kMarkHeader) == mark_ ? Status() : status;
  }

  S3Client& client_;
  const std::string& name_;
  const std::string_view bytes_;
  const int64_t part_bytes_;
  const std::string mark_;
  std::string upload_id_;
  std::vector<std::string> tags_;
};

}  // namespace

Status s3_put_in_parts(S3Client& client, const std::string& name, std::string_view bytes) {
  return Upload(client, name, bytes).run();
}

Status s3_give_up_parts(S3Client& client, const std::string& name, const std::string& upload_id) {
  S3Call call;
  call.method = "DELETE";
  call.name = name;
  call.query["uploadId"] = upload_id;
  Status status = client.call(call).status();
  return status.code() == Code::not_found ? Status() : status;
}

}  // namespace rideflow
