// Determinism: the clock, threads, sockets, sleep, randomness and the disk are touched only in their homes.
// Everything else goes through Env, so that a failure can be replayed from its seed.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>

#include "tests/house/rules.h"

namespace rideflow::house {
namespace {

/// One kind of contact with the real world: what it looks like in code (comments and literals are not read)
/// and the files where it is at home (shell patterns).
struct Contact {
  std::string name;
  std::string pattern;
  std::vector<std::string> homes;
};

// A call of a free function: not a member's or another namespace's, as in `file.open(` or `store::open(`, and
// not a declaration, as in `Status open(`: what stands before it begins an expression.
std::string call_of(const std::string& names) {
  return R"((?:^|[;{}(,=+\-!<?%/|\[]|[^:]:|&&|\breturn)\s*(?:)" + names + R"()\s*\()";
}

const std::vector<Contact>& contacts() {
  const std::vector<std::string> world = {"runtime/posix_*", "runtime/worker*", "runtime/net*",
                                          "runtime/http*", "state/*rocks*"};
  static const std::vector<Contact> table = {
      {"clock",
       R"(\b(?:steady_clock|high_resolution_clock|file_clock|utc_clock)\b|\bsystem_clock::now\b|\b(?:gettimeofday|)"
       R"(clock_gettime|clock_getres|timespec_get|localtime|localtime_r|current_zone)\b|<(?:sys/)?time\.h>|)" +
           call_of("(?:::|std::)?(?:time|clock)"),
       world},
      {"threads",
       R"(\b(?:jthread|this_thread|pthread_\w+|condition_variable\w*|packaged_task|counting_semaphore|)"
       R"(binary_semaphore)\b|\bstd::(?:thread|async|latch|barrier)\b|\b(?:fork|vfork|posix_spawn\w*)\s*\(|)"
       R"(<(?:thread|future|condition_variable|latch|barrier|semaphore|pthread\.h|sched\.h)>)",
       world},
      {"sleep",
       R"(\b(?:sleep_for|sleep_until|nanosleep|clock_nanosleep|usleep)\b|)" + call_of("(?:::)?sleep"), world},
      {"sockets",
       R"(\b(?:getaddrinfo|gethostbyname|epoll_\w+|setsockopt|recvfrom|sendto|sendmsg|recvmsg)\b|)"
       R"(<(?:sys/(?:socket|epoll|un|eventfd)\.h|netinet/\w+\.h|arpa/inet\.h|netdb\.h|poll\.h|net/if\.h)>|)" +
           call_of("(?:::)?(?:socket|accept4)"),
       world},
      {"randomness",
       R"(\b(?:random_device|getrandom|getentropy|arc4random\w*|drand48|lrand48|srand|RAND_bytes|)"
       R"(default_random_engine)\b|)" +
           call_of("(?:::|std::)?(?:rand|random)"),
       world},
      {"disk",
       R"(\b(?:fopen|fdopen|freopen|tmpfile|mkstemp|mkdtemp|fsync|fdatasync|mmap|munmap|opendir|ftruncate)\b|)"
       R"(\b(?:[io]?fstream|filebuf)\b|\bfilesystem\b|<(?:fstream|filesystem|fcntl\.h|dirent\.h|unistd\.h|)"
       R"(sys/(?:mman|stat|file|uio|statvfs)\.h)>|(?:^|[^\w>])::(?:open|openat|creat|unlink|rename|mkdir|stat)\s*\(|)"
       R"(\bstd::(?:remove|rename)\s*\(\s*[\w.]+(?:\(\))?\s*(?:,\s*[\w.]+(?:\(\))?\s*)?\)\s*[;!=)])",
       world},
      {"environment", R"(\b(?:getenv|secure_getenv|setenv|putenv)\b)", {"runtime/posix_*"}},
  };
  return table;
}

}  // namespace

std::vector<std::string> check_tokens(const SourceFile& file) {
  std::vector<std::string> violations;
  const std::string code = without_comments(file.text, /*literals=*/true);
  for (const Contact& contact : contacts()) {
    if (matches_any(contact.homes, file.path)) continue;
    RE2::Options options;
    options.set_never_nl(false);
    const RE2 pattern("(?m)(" + contact.pattern + ")", options);
    if (!pattern.ok()) return {contact.name + ": " + pattern.error()};
    re2::StringPiece rest(code);
    re2::StringPiece match;
    while (RE2::FindAndConsume(&rest, pattern, &match)) {
      const auto line = 1 + std::count(code.data(), match.data() + match.size(), '\n');
      violations.push_back(at(file, static_cast<std::size_t>(line)) +
                           fmt::format("{} outside its home: {}", contact.name, match.as_string()));
    }
  }
  return violations;
}

namespace {

TEST(Tokens, TheRepositoryTouchesTheWorldOnlyInItsHomes) {
  std::vector<std::string> violations;
  for (const SourceFile& file : room_sources()) {
    const auto found = check_tokens(file);
    violations.insert(violations.end(), found.begin(), found.end());
  }
  EXPECT_TRUE(violations.empty()) << join(violations);
}

std::string caught(const std::string& code) {
  const auto found = check_tokens({"operators/a.cc", "int x;\n  " + code + "\n"});
  return found.empty() ? "" : found[0].substr(0, found[0].find(" outside"));
}

TEST(Tokens, ViolationsAreCaught) {
  for (const std::string code : {"auto t = std::chrono::system_clock::now();", "std::chrono::steady_clock c;",
                                 "auto t = time(nullptr);", "x = ::time(0);", "y=std::time(&z);",
                                 "clock_gettime(CLOCK_REALTIME, &ts);", "#include <sys/time.h>"}) {
    EXPECT_EQ(caught(code), "operators/a.cc:2: clock") << code;
  }
  for (const std::string code : {"std::thread t(f);", "std::jthread t(f);", "pthread_create(&t, 0, f, 0);",
                                 "std::condition_variable cv;", "#include <thread>",
                                 "auto f = std::async(g);", "std::this_thread::yield();"}) {
    EXPECT_EQ(caught(code), "operators/a.cc:2: threads") << code;
  }
  EXPECT_EQ(caught("usleep(5);"), "operators/a.cc:2: sleep");
  EXPECT_EQ(caught("sleep(5);"), "operators/a.cc:2: sleep");
  EXPECT_EQ(caught("int s = ::socket(AF_INET, 0, 0);"), "operators/a.cc:2: sockets");
  EXPECT_EQ(caught("#include <sys/socket.h>"), "operators/a.cc:2: sockets");
  for (const std::string code : {"std::random_device d;", "int i = rand();", "f(rand());",
                                 "return ::random();", "std::srand(1);", "getrandom(p, n, 0);"}) {
    EXPECT_EQ(caught(code), "operators/a.cc:2: randomness") << code;
  }
  for (const std::string code : {"auto* f = fopen(p, q);", "std::ifstream in(path);", "#include <fstream>",
                                 "namespace fs = std::filesystem;", "int fd = ::open(p, 0);", "fsync(fd);",
                                 "void* p = mmap(a, b, c, d, e, f);", "#include <fcntl.h>"}) {
    EXPECT_EQ(caught(code), "operators/a.cc:2: disk") << code;
  }
  EXPECT_EQ(caught("auto* v = std::getenv(name);"), "operators/a.cc:2: environment");
}

TEST(Tokens, WhatLooksAlikePasses) {
  for (const std::string code :
       {"row.time(0);", "env->clock().now();", "Status open(const Path& p);", "file.open(p);",
        "store::open(p);", "// std::thread\n", "/* time(0)\n rand() */", "log(\"fopen(\");",
        "auto s = R\"(mmap(x))\";", "std::mutex m;", "std::atomic<int> a;", "event_time(3);",
        "int operand(int);", "std::chrono::seconds s;", "it = std::remove(v.begin(), v.end(), 3);",
        "batch.random(7);", "Status rename(From a, To b);"}) {
    EXPECT_EQ(caught(code), "") << code;
  }
}

TEST(Tokens, HomesAreOpen) {
  EXPECT_TRUE(
      check_tokens({"runtime/posix_env.cc", "int fd = ::open(p, 0); std::thread t; fsync(fd);"}).empty());
  EXPECT_FALSE(check_tokens({"runtime/coordinator.cc", "std::thread t;"}).empty());
}

}  // namespace
}  // namespace rideflow::house
