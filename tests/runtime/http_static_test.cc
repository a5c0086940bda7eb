// The console's files over a disk in memory; and forty ways to ask for what is not one of them.
#include "runtime/http/http_static.h"

#include <gtest/gtest.h>

#include "engine/virtual_env.h"

namespace rideflow {
namespace http_static_test {

class StaticTest : public testing::Test {
 protected:
  StaticTest() {
    write("/ui/index.html", "<html>console</html>");
    write("/ui/icon.svg", "<svg/>");
    write("/ui/assets/index-BdK3x9aQ.js", "js");
    write("/ui/assets/plain.css", "css");
    write("/ui/assets/index-B-_3x9a-.css", "css");
    write("/ui/.hidden", "SECRET");
    write("/secret.txt", "SECRET");
  }
  void write(const std::string& path, const std::string& content) {
    EXPECT_TRUE(env_.fs().make_dirs(parent_dir(path)).ok());
    EXPECT_TRUE(write_file_atomic(env_.fs(), path, content).ok());
  }
  HttpResponse get(const std::string& target, const std::string& etag = "") {
    if (!files_) files_ = std::move(*StaticFiles::open(env_.fs(), "/ui"));
    HttpRequest request;
    request.method = "GET";
    if (!parse_target(target, request).ok()) return error_response(400, "target");
    if (!etag.empty()) request.headers.emplace_back("if-none-match", etag);
    return files_->get(request);
  }
  static std::string header(const HttpResponse& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }
  VirtualEnv env_;
  std::unique_ptr<StaticFiles> files_;
};

TEST_F(StaticTest, FilesTheirTypesAndTheirCaching) {
  HttpResponse response = get("/");
  EXPECT_EQ(response.body, "<html>console</html>");
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(header(response, "Cache-Control"), "no-cache");
  EXPECT_EQ(header(response, "Content-Security-Policy").substr(0, 18), "default-src 'none'");
  response = get("/assets/index-BdK3x9aQ.js");
  EXPECT_EQ(response.content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(header(response, "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(header(get("/assets/plain.css"), "Cache-Control"), "no-cache") << "its name has no hash";
  EXPECT_EQ(header(get("/assets/index-B-_3x9a-.css"), "Cache-Control"),
            "public, max-age=31536000, immutable");
  EXPECT_EQ(get("/icon%2Esvg").content_type, "image/svg+xml");
}

TEST_F(StaticTest, UnchangedFilesAreNotSentAgain) {
  const std::string etag = header(get("/"), "ETag");
  const HttpResponse again = get("/", etag);
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(get("/icon.svg", etag).status, 200) << "another file's tag";
}

TEST_F(StaticTest, RoutesOfTheConsoleGetItsPage) {
  EXPECT_EQ(get("/job/ride_metrics").body, "<html>console</html>");
  EXPECT_EQ(get("/assets/gone-12345678.js").status, 404) << "a missing asset is not a page";
  EXPECT_EQ(get("/api/v1/none").status, 404);
  EXPECT_EQ(get("/druid/v3").status, 404);
  EXPECT_EQ(get("/favicon.ico").status, 404);
}

TEST_F(StaticTest, ARebuiltConsoleIsReadAgain) {
  EXPECT_EQ(get("/").body, "<html>console</html>");
  env_.advance(kMicrosPerSecond);
  write("/ui/index.html", "<html>new</html>");
  EXPECT_EQ(get("/").body, "<html>new</html>");
}

TEST_F(StaticTest, AFolderWithoutAConsoleIsRefused) {
  const auto opened = StaticFiles::open(env_.fs(), "/nowhere");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.status().code(), Code::not_found);
  EXPECT_NE(opened.status().message().find("/nowhere"), std::string::npos);
}

TEST_F(StaticTest, NoNameLeadsOutOfTheFolder) {
  const std::vector<std::string> attempts = {"/../secret.txt",
                                             "/../../secret.txt",
                                             "/./../secret.txt",
                                             "/assets/../../secret.txt",
                                             "/..%2fsecret.txt",
                                             "/..%2Fsecret.txt",
                                             "/%2e%2e/secret.txt",
                                             "/%2E%2E/secret.txt",
                                             "/%2e./secret.txt",
                                             "/.%2e/secret.txt",
                                             "/%2e%2e%2fsecret.txt",
                                             "/%2e%2e%2Fsecret.txt",
                                             "/..%5csecret.txt",
                                             "/..\\secret.txt",
                                             "/%5c..%5csecret.txt",
                                             "/%252e%252e/secret.txt",
                                             "/%252e%252e%252fsecret.txt",
                                             "/..%252fsecret.txt",
                                             "/..%c0%afsecret.txt",
                                             "/%c0%ae%c0%ae/secret.txt",
                                             "/%c0%2e%c0%2e/secret.txt",
                                             "/..%ef%bc%8fsecret.txt",
                                             "/..;/secret.txt",
                                             "/..%00/secret.txt",
                                             "/%00../secret.txt",
                                             "/index.html%00.js",
                                             "/index.html/../../secret.txt",
                                             "//secret.txt",
                                             "///secret.txt",
                                             "/%2fsecret.txt",
                                             "/%2f%2e%2e%2fsecret.txt",
                                             "/assets/..%2f..%2fsecret.txt",
                                             "/assets%2f..%2f..%2fsecret.txt",
                                             "/....//secret.txt",
                                             "/..../secret.txt",
                                             "/.../secret.txt",
                                             "/secret.txt",
                                             "/.hidden",
                                             "/%2ehidden",
                                             "/ui/../secret.txt",
                                             "/file:///secret.txt",
                                             "/C:/secret.txt",
                                             "/assets/%2e%2e/%2e%2e/secret.txt",
                                             "/..%u2215secret.txt",
                                             "/~/secret.txt"};
  EXPECT_GE(attempts.size(), 40U);
  for (const std::string& attempt : attempts) {
    const HttpResponse response = get(attempt);
    EXPECT_GE(response.status, 400) << attempt;
    EXPECT_EQ(response.body.find("SECRET"), std::string::npos) << attempt;
  }
}

}  // namespace http_static_test
}  // namespace rideflow
