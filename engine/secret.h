// Secrets stay references in a job, {env: NAME} or {file: path}. A connector resolves them when it opens, and
// never shows them.
#pragma once

#include <functional>
#include <string>

#include "engine/catalog.h"

namespace rideflow {

// A resource of the open-context, named "": how this process reads secrets. Errors name the reference only.
struct SecretResolver {
  std::function<Result<std::string>(const SecretRef&)> resolve;
};

inline Result<std::string> resolve_secret(const Resources* resources, const SecretRef& secret) {
  const auto resolver = resources == nullptr ? nullptr : resources->find<SecretResolver>("");
  if (resolver != nullptr) return resolver->resolve(secret);
  return Status::user(Code::failed_precondition, "secrets can't be read here");
}

}  // namespace rideflow
