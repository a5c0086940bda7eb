// The rideflow executable as a process of its own, as a user runs it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "engine/status.h"

namespace rideflow::bench {

class Child {
 public:
  // Starts `program`; its standard output can be read here, its errors go to the file `log`.
  static Result<Child> start(const std::string& program, const std::vector<std::string>& arguments,
                             const std::string& log);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();  // kills it when it still runs

  // Waits for a line of output, without its newline; false at the end of the output.
  bool read_line(std::string& line);
  // The most memory that was resident so far; 0 when it cannot be told any more.
  int64_t peak_resident_bytes() const;
  // CPU time of all its threads so far.
  int64_t cpu_nanos() const;
  // Asks it to end, or lets it, and waits. The exit code; 128 and the signal's number when one ended it.
  int terminate();
  int wait();

 private:
  Child(pid_t pid, int out) : pid_(pid), out_(out) {}

  pid_t pid_;
  int out_;
  std::string read_;  // of the output, not yet given
  size_t given_ = 0;
};

}  // namespace rideflow::bench
