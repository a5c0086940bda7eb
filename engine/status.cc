#include "engine/status.h"

#include <cstdio>
#include <cstdlib>

namespace rideflow {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::ok:
      return "ok";
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::out_of_range:
      return "out_of_range";
    case Code::failed_precondition:
      return "failed_precondition";
    case Code::permission_denied:
      return "permission_denied";
    case Code::resource_exhausted:
      return "resource_exhausted";
    case Code::unavailable:
      return "unavailable";
    case Code::aborted:
      return "aborted";
    case Code::data_loss:
      return "data_loss";
    case Code::unimplemented:
      return "unimplemented";
    case Code::internal:
      return "internal";
  }
  return "unknown";
}

Status::Status(Code code, Blame blame, Retry retry, std::string message)
    : rep_(new Rep{code, blame, retry, std::move(message), {}}) {
  RF_CHECK(code != Code::ok);
}

Status::Status(const Status& other) : rep_(other.rep_ ? new Rep(*other.rep_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) rep_.reset(other.rep_ ? new Rep(*other.rep_) : nullptr);
  return *this;
}

const std::string& Status::message() const {
  static const std::string empty;
  return rep_ ? rep_->message : empty;
}

std::string Status::to_string() const {
  if (!rep_) return "ok";
  return rep_->context + rep_->message;
}

Status& Status::with(std::string_view context) & {
  if (rep_) rep_->context.insert(0, std::string(context) + ": ");
  return *this;
}

Status&& Status::with(std::string_view context) && {
  with(context);
  return std::move(*this);
}

void check_failed(const char* file, int line, const char* what, std::string_view detail) {
  std::fprintf(stderr, "rideflow: internal check failed at %s:%d: %s %.*s\n", file, line, what,
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

}  // namespace rideflow
