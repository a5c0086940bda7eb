#include "bench/rows/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

extern char** environ;

namespace rideflow::bench {

Result<Child> Child::start(const std::string& program, const std::vector<std::string>& arguments,
                           const std::string& log) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Status::external(Code::unavailable, "no pipe for a child process");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0) return Child(pid, ends[0]);
  close(ends[0]);
  return Status::user(Code::not_found, "cannot run '" + program + "': " + std::strerror(error));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      out_(std::exchange(other.out_, -1)),
      read_(std::move(other.read_)),
      given_(other.given_) {}

Child::~Child() {
  if (pid_ != 0) {
    kill(pid_, SIGKILL);
    wait();
  }
  if (out_ >= 0) close(out_);
}

bool Child::read_line(std::string& line) {
  for (;;) {
    const size_t end = read_.find('\n', given_);
    if (end != std::string::npos) {
      line = read_.substr(given_, end - given_);
      given_ = end + 1;
      return true;
    }
    read_.erase(0, std::exchange(given_, 0));
    char bytes[65'536];
    const ssize_t n = read(out_, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    read_.append(bytes, static_cast<size_t>(n));
  }
}

int64_t Child::peak_resident_bytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  std::string word;
  while (status >> word) {
    int64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib * 1024;
  }
  return 0;
}

int64_t Child::cpu_nanos() const {
  int64_t sum = 0;
  std::error_code error;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", error)) {
    int64_t nanos = 0;
    if (std::ifstream(thread.path() / "schedstat") >> nanos) sum += nanos;
  }
  return sum;
}

int Child::terminate() {
  kill(pid_, SIGTERM);
  return wait();
}

int Child::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace rideflow::bench
