#include "runtime/posix_process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace rideflow {
namespace {

std::atomic<int> stop_signals{0};
std::atomic<int> output_error{0};

extern "C" void on_stop_signal(int) {
  if (stop_signals.fetch_add(1) >= 2) _exit(130);
}

}  // namespace

std::optional<std::string> posix_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

void catch_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool stop_signal_received() {
  return stop_signals.load() > 0;
}

void write_output(std::string_view text) {
  if (output_error.load() != 0) return;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  output_error.store(errno);
  stop_signals.fetch_add(1);
}

Status output_status() {
  const int error = output_error.load();
  if (error == 0 || error == EPIPE) return {};
  return Status::external(Code::unavailable, "standard output can't be written: " +
                                                 std::error_code(error, std::system_category()).message());
}

bool stderr_is_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

void sleep_ms(int ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  while (!stop_signal_received() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms < 20 ? ms : 20));
  }
}

int64_t process_id() {
  return getpid();
}

void end_process(int code) {
  _exit(code);
}

void ignore_file_size_signal() {
  std::signal(SIGXFSZ, SIG_IGN);
}

void forbid_core_files() {
  // The limit is for files; a program that takes core dumps in their place asks only for the other.
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

int64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file) return 0;
  long all = 0, resident = 0;
  const int read = std::fscanf(file, "%ld %ld", &all, &resident);
  std::fclose(file);
  return read == 2 ? int64_t{resident} * sysconf(_SC_PAGESIZE) : 0;
}

std::string working_dir() {
  char path[4096];
  return ::getcwd(path, sizeof(path)) == nullptr ? std::string(".") : std::string(path);
}

std::string executable_dir() {
  std::array<char, 4096> path;
  const ssize_t n = readlink("/proc/self/exe", path.data(), path.size());
  if (n <= 0) return ".";
  const std::string full(path.data(), static_cast<size_t>(n));
  return full.substr(0, full.rfind('/'));
}

}  // namespace rideflow
