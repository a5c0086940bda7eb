// The process around a command: signals, environment variables, the terminal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/status.h"

namespace rideflow {

std::optional<std::string> posix_variable(const std::string& name);

// From now on SIGINT and SIGTERM set a flag instead of ending the process; a third one ends it at once.
void catch_stop_signals();
bool stop_signal_received();

// Standard output. When it can't be written any more nobody reads it: the process stops as by a signal, and
// the rest is dropped. An error unless it is only that the reader has gone (`| head`).
void write_output(std::string_view text);
Status output_status();

bool stderr_is_terminal();
// Waits this long, or less when a stop signal comes.
void sleep_ms(int ms);
int64_t process_id();
// Memory of this process that is in RAM; 0 when the system does not say.
int64_t resident_bytes();
// "." where the system does not say.
std::string working_dir();
// Directory of the running executable.
std::string executable_dir();

// Ends the process at once, without the destructors of what its threads still use.
[[noreturn]] void end_process(int code);

// A file beyond the limit of its size (ulimit -f) is an error of the write, not the end of the process.
void ignore_file_size_signal();

// No core file, whatever ends this process: it would hold the secrets that the process has read.
void forbid_core_files();

}  // namespace rideflow
