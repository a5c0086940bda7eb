// Any bytes as an answer of an S3 server: XML, the lists in it, and what is shown of a refusal.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "objects/s3_answers.h"
#include "objects/s3_errors.h"
#include "objects/s3_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rideflow;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto root = parse_xml(bytes); root.ok()) {
    const auto again = parse_xml("<a>" + xml_escaped(root->text) + "</a>");
    RF_CHECK(again.ok() && again->text == root->text);
  }
  for (const auto& page : {read_object_page(bytes), read_upload_page(bytes)}) {
    if (!page.ok()) continue;
    for (const S3Item& item : page->items) RF_CHECK(item.bytes >= 0);
  }
  HttpAnswer answer;
  answer.status = size % 2 == 0 ? 403 : 500;
  answer.body = bytes;
  const Status refused = s3_refusal(answer, {}, "a request");
  const std::string shown = s3_shown(refused.message(), {"id", "canary", "token"});
  RF_CHECK(!refused.ok() && shown.find("canary") == std::string::npos);
  RF_CHECK(shown.find('\n') == std::string::npos);
  (void)parse_http_date(bytes);
  return 0;
}
