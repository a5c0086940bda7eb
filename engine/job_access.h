// What a job may reach outside: resources of the open-context, so that connectors ask and the process
// decides.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/operator.h"

namespace rideflow {

// The files that the job names. Where the process sets no bounds (a test's world), the whole disk.
inline FileSystem& files_of_job(const OpenContext& context) {
  const auto bounded =
      context.resources == nullptr ? nullptr : context.resources->find<FileSystem>("job files");
  return bounded == nullptr ? context.env->fs() : *bounded;
}

// Where connectors may connect to; the resource "".
struct OutgoingAddresses {
  // Whether a job may name this "host:port"; user error with the way out.
  std::function<Status(std::string_view host_port)> check;
  // connect() of an open socket to a sockaddr of `size` bytes that `host_port` was resolved to: 0 or an
  // errno. EPERM: refused.
  std::function<int(int socket, const void* address, size_t size, std::string_view host_port)> connect;
};

}  // namespace rideflow
