// Arrows point down only: every #include of a room names the standard library, the room itself, a room below
// it, or a library that is at home in that place.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>

#include "tests/house/rules.h"

namespace rideflow::house {
namespace {

/// Headers of one library and the files where it is at home (shell patterns, `*` matches '/').
struct Library {
  std::string name;
  std::vector<std::string> headers;
  std::vector<std::string> homes;
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> table = {
      {"fmt", {"fmt/*"}, {"*"}},
      {"xxhash", {"xxhash.h"}, {"engine/*"}},
      {"date-tz", {"date/*"}, {"engine/*"}},
      {"zstd", {"zstd.h", "zstd_errors.h"}, {"topics/*", "rollup/*", "operators/*"}},
      {"lz4", {"lz4.h", "lz4frame.h", "lz4hc.h"}, {"topics/*", "rollup/*"}},
      {"zlib", {"zlib.h"}, {"operators/*"}},
      {"RocksDB", {"rocksdb/*"}, {"state/*"}},
      {"roaring", {"roaring/*"}, {"rollup/*"}},
      {"simdjson", {"simdjson.h"}, {"rollup/*", "operators/*"}},
      {"Boost.JSON", {"boost/json.hpp", "boost/json/*"}, {"rollup/*", "runtime/http/http_json.cc"}},
      {"RE2", {"re2/*"}, {"operators/*", "rollup/query/*"}},
      {"librdkafka", {"librdkafka/*"}, {"operators/*kafka*"}},
      {"libpq", {"libpq-fe.h", "postgresql/*"}, {"operators/*postgres*"}},
      {"yaml-cpp", {"yaml-cpp/*"}, {"dsl/*"}},
      {"Asio and Beast",
       {"boost/asio.hpp", "boost/asio/*", "boost/beast.hpp", "boost/beast/*"},
       {"runtime/*"}},
      {"Boost basics", {"boost/system/*", "boost/core/*", "boost/config.hpp"}, {"runtime/*", "rollup/*"}},
      {"OpenSSL", {"openssl/*"}, {"runtime/*", "objects/digest.cc"}},
      {"libcurl", {"curl/*"}, {"objects/curl_*"}},
      // Not a library: instruction sets, for the *_v2.cc and *_v3.cc files and what chooses between them.
      {"intrinsics", {"immintrin.h", "emmintrin.h", "nmmintrin.h", "cpuid.h"}, {"*"}},
      // What each POSIX header offers is the business of token_test.cc.
      {"POSIX",
       {"unistd.h", "fcntl.h", "poll.h", "pthread.h", "sched.h", "signal.h", "time.h", "dirent.h", "errno.h",
        "sys/*.h", "arpa/*.h", "net/*.h", "netdb.h", "netinet/*.h", "linux/*.h"},
       {"runtime/*", "state/*rocks*"}},
  };
  return table;
}

const Room* room_of(std::string_view path) {
  const std::string_view top = path.substr(0, path.find('/'));
  for (const Room& room : rooms()) {
    if (room.name == top) return &room;
  }
  return nullptr;
}

std::string edge_error(const SourceFile& file, std::string_view header, bool quoted) {
  const Room* from = room_of(file.path);
  if (quoted) {
    const std::string_view target = header.substr(0, header.find('/'));
    if (target == from->name) return "";
    if (std::find(from->below.begin(), from->below.end(), target) != from->below.end()) return "";
    return fmt::format("\"{}\" is not in a room that {} may include", header, from->name);
  }
  if (header.find_first_of("./") == std::string_view::npos) return "";  // the standard library
  for (const Library& library : libraries()) {
    if (!matches_any(library.headers, header)) continue;
    if (matches_any(library.homes, file.path)) return "";
    return fmt::format("<{}>: {} is not at home here", header, library.name);
  }
  return fmt::format("<{}> belongs to no library of the table", header);
}

}  // namespace

std::vector<std::string> check_includes(const SourceFile& file) {
  static const RE2 line_pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<std::string> violations;
  const std::string code = without_comments(file.text, /*literals=*/false);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < code.size();) {
    const std::size_t end = std::min(code.find('\n', begin), code.size());
    ++number;
    std::string kind;
    std::string header;
    if (RE2::PartialMatch(code.substr(begin, end - begin), line_pattern, &kind, &header)) {
      const std::string error = edge_error(file, header, kind == "\"");
      if (!error.empty()) violations.push_back(at(file, number) + error);
    }
    begin = end + 1;
  }
  return violations;
}

namespace {

TEST(Includes, EveryEdgeOfTheRepositoryPointsDown) {
  std::vector<std::string> violations;
  for (const SourceFile& file : room_sources()) {
    const auto found = check_includes(file);
    violations.insert(violations.end(), found.begin(), found.end());
  }
  EXPECT_TRUE(violations.empty()) << join(violations);
}

TEST(Includes, NoTwoRoomsIncludeEachOther) {
  for (const Room& room : rooms()) {
    for (const std::string& below : room.below) {
      if (const Room* other = room_of(below)) {
        EXPECT_EQ(std::count(other->below.begin(), other->below.end(), room.name), 0)
            << room.name << ", " << below;
      }
    }
  }
}

std::size_t count(const std::string& path, const std::string& text) {
  return check_includes({path, text}).size();
}

TEST(Includes, ViolationsAreCaught) {
  EXPECT_EQ(count("engine/a.cc", "#include \"state/b.h\"\n"), 1U) << "upward";
  EXPECT_EQ(count("runtime/a.cc", "#include \"operators/b.h\"\n"), 1U) << "an edge missing on purpose";
  EXPECT_EQ(count("operators/x/a.cc", "  #  include \"dsl/b.h\"\n"), 1U) << "odd spacing, deeper folder";
  EXPECT_EQ(count("engine/a.cc", "#include \"tests/support/b.h\"\n"), 1U) << "outside the rooms";
  EXPECT_EQ(count("engine/a.cc", "#include \"b.h\"\n"), 1U) << "not from the root";
  EXPECT_EQ(count("dsl/a.cc", "#include <rocksdb/db.h>\n"), 1U) << "a library away from home";
  EXPECT_EQ(count("operators/json.cc", "#include <librdkafka/rdkafka.h>\n"), 1U)
      << "home is one file or folder";
  EXPECT_EQ(count("rollup/a.cc", "#include <boost/asio.hpp>\n"), 1U);
  EXPECT_EQ(count("objects/s3_store.cc", "#include <curl/curl.h>\n"), 1U) << "home is one file";
  EXPECT_EQ(count("engine/a.cc", "#include <uv.h>\n"), 1U) << "an unknown library";
  EXPECT_EQ(count("engine/a.cc", "#include <sys/mman.h>\n"), 1U);
  EXPECT_EQ(check_includes({"dsl/a.cc", "\n\n#include \"state/b.h\"\n"}).at(0).substr(0, 11), "dsl/a.cc:3:");
}

TEST(Includes, WhatIsAllowedPasses) {
  EXPECT_EQ(count("engine/a.cc", "#include <vector>\n#include <fmt/format.h>\n#include \"engine/b.h\"\n"),
            0U);
  EXPECT_EQ(count("runtime/a.cc", "#include \"dsl/b.h\"\n#include <boost/beast/http.hpp>\n"), 0U);
  EXPECT_EQ(count("operators/kafka/source.cc", "#include <librdkafka/rdkafka.h>\n"), 0U);
  EXPECT_EQ(count("state/rocks_table.cc", "#include <rocksdb/db.h>\n"), 0U);
  EXPECT_EQ(count("main.cc", "#include \"operators/a.h\"\n#include \"runtime/b.h\"\n"), 0U);
  EXPECT_EQ(count("engine/a.cc", "// #include \"state/b.h\"\n/*\n#include \"state/b.h\"\n*/\n"), 0U);
}

}  // namespace
}  // namespace rideflow::house
