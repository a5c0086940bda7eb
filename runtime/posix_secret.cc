#include "runtime/posix_secret.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/posix_process.h"

namespace rideflow {

std::shared_ptr<SecretResolver> posix_secrets(FileSystem& fs) {
  auto resolver = std::make_shared<SecretResolver>();
  resolver->resolve = [&fs](const SecretRef& secret) -> Result<std::string> {
    if (!secret.env.empty()) {
      std::optional<std::string> value = posix_variable(secret.env);
      if (value) return *std::move(value);
      return Status::user(
          Code::not_found,
          fmt::format("the secret {{env: {}}} is not set in this process's environment", secret.env));
    }
    if (secret.file.empty())
      return Status::user(Code::invalid_argument, "a secret names neither env nor file");
    Result<std::string> content = read_file(fs, secret.file);
    if (!content.ok()) {
      return std::move(content).status().with(fmt::format("the secret {{file: {}}}", secret.file));
    }
    content->resize(std::min(content->find_first_of("\r\n"), content->size()));
    return content;
  };
  return resolver;
}

}  // namespace rideflow
