// The process around a command: signals, environment variables, the terminal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rideflow {

std::optional<std::string> posix_variable(const std::string& name);

// From now on SIGINT and SIGTERM set a flag instead of ending the process; a third one ends it at once.
void catch_stop_signals();
bool stop_signal_received();

bool stderr_is_terminal();
// Waits this long, or less when a stop signal comes.
void sleep_ms(int ms);
int64_t process_id();
// Directory of the running executable.
std::string executable_dir();

}  // namespace rideflow
