// XML from a server that nobody vouches for.
#include "objects/s3_xml.h"

#include <gtest/gtest.h>

#include "objects/s3_answers.h"

namespace rideflow {
namespace s3_xml_test {

TEST(S3Xml, WhatServersWriteIsRead) {
  const auto root = parse_xml(
      "\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<!-- a > b --> <s:List xmlns:s=\"urn:x\" a='1'>"
      "<Key>a&amp;b&lt;&gt;&quot;&apos;&#38;&#x20AC;</Key><!-- c --><Empty/><Empty2 "
      "/><K2><![CDATA[<&]]>x</K2>"
      "<Contents ><Key> spaces </Key></Contents></s:List >\n");
  ASSERT_TRUE(root.ok()) << root.status().to_string();
  EXPECT_EQ(root->name, "List");
  EXPECT_EQ(root->value("Key"), "a&b<>\"'&€");
  EXPECT_EQ(root->value("Empty"), "");
  EXPECT_EQ(root->value("K2"), "<&x");
  EXPECT_EQ(root->child("Contents")->value("Key"), " spaces ");
  EXPECT_EQ(root->child("None"), nullptr);
  EXPECT_EQ(parse_xml("<a>" + xml_escaped("<&>\"'") + "</a>")->text, "<&>\"'");
}

TEST(S3Xml, WhatIsNoneIsRefused) {
  std::string deep, wide = "<a>";
  for (int i = 0; i < 17; ++i) deep += "<a>";
  for (int i = 0; i < 200'000; ++i) wide += "<b/>";
  for (const std::string& text :
       {std::string(), std::string("text"), std::string("<a>"), std::string("<a></b>"), std::string("<a"),
        std::string("<a>&nbsp;</a>"), std::string("<a>&#0;</a>"), std::string("<a>&#xD800;</a>"),
        std::string("<a>&#99999999999;</a>"), std::string("<a>& b</a>"), std::string("<a/><b/>"),
        std::string("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"), std::string("<a><!DOCTYPE b></a>"),
        std::string("<a><![CDATA[x</a>"), std::string("<></>"), std::string("<?xml"), deep, wide + "</a>"}) {
    const auto root = parse_xml(text);
    EXPECT_EQ(root.status().code(), Code::data_loss) << text.substr(0, 60);
    EXPECT_EQ(root.status().retry(), Retry::backoff) << "it may have been cut off";
  }
}

TEST(S3Xml, EveryCutOfAListIsNoticed) {
  const std::string list =
      "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><LastModified>"
      "2026-11-30T15:00:00.000Z</LastModified><Size>5</Size></Contents></ListBucketResult>";
  const auto page = read_object_page(list);
  ASSERT_TRUE(page.ok()) << page.status().to_string();
  ASSERT_EQ(page->items.size(), 1U);
  EXPECT_EQ(page->items[0].bytes, 5);
  for (size_t n = 0; n < list.size(); ++n) EXPECT_FALSE(read_object_page(list.substr(0, n)).ok()) << n;
}

TEST(S3Xml, TimesOfHeaders) {
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:01:01 GMT"), 61 * kMicrosPerSecond);
  for (const std::string text : {"", "Thu, 01 Jan 1970 00:01:01", "Thu, 01 Jax 1970 00:01:01 GMT",
                                 "Thu, 41 Jan 1970 00:01:01 GMT", "Thu, 01 Jan 1970 00:99:01 GMT"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

}  // namespace s3_xml_test
}  // namespace rideflow
