// Status and Result<T>: how every fallible call in Rideflow answers.
//
// An ok Status is one null pointer: cheap to return and to test. An error carries a code, who is to blame,
// whether trying again can help, a sentence for the person who must act, and the chain of contexts
// ("streams.city_minute: ...") that callers added on the way up. Errors are per call or per batch, never per
// row: rows that fail are routed (see engine/rejected.h). A failed internal check (RF_CHECK) aborts, also in
// release builds. Thread-safety: values; share them like ints.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rideflow {

enum class Code : uint8_t {
  ok,
  invalid_argument,  // the request itself is wrong, whatever the world looks like
  not_found,
  already_exists,
  out_of_range,         // a position that is gone or not there yet
  failed_precondition,  // the world is not in the state that this call needs
  permission_denied,
  resource_exhausted,  // disk, memory, quota
  unavailable,         // try again later
  aborted,             // somebody else won
  data_loss,           // bytes that should be there are not, or differ
  unimplemented,
  internal,
};

enum class Blame : uint8_t { user, external, internal };
enum class Retry : uint8_t { no, backoff };

std::string_view to_string(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, Blame blame, Retry retry, std::string message);
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;

  // The user's file, argument or data is wrong; the message names the way out.
  static Status user(Code code, std::string message) {
    return {code, Blame::user, Retry::no, std::move(message)};
  }
  // Disk, network or a server of somebody else failed.
  static Status external(Code code, std::string message, Retry retry = Retry::no) {
    return {code, Blame::external, retry, std::move(message)};
  }
  // Our own bug that need not stop the process.
  static Status internal(std::string message) {
    return {Code::internal, Blame::internal, Retry::no, std::move(message)};
  }

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::ok; }
  Blame blame() const { return rep_ ? rep_->blame : Blame::internal; }
  Retry retry() const { return rep_ ? rep_->retry : Retry::no; }
  // The sentence alone, without contexts. Empty when ok.
  const std::string& message() const;
  // "context: context: sentence", or "ok".
  std::string to_string() const;
  // Adds a context in front; returns *this for `return status.with("streams.x")`.
  Status& with(std::string_view context) &;
  Status&& with(std::string_view context) &&;

 private:
  struct Rep {
    Code code;
    Blame blame;
    Retry retry;
    std::string message;
    std::string context;
  };
  std::unique_ptr<Rep> rep_;
};

// A value or the Status that says why there is none. Dereferencing an error aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}          // NOLINT: implicit on purpose
  Result(Status status) : status_(std::move(status)) {}  // NOLINT: implicit on purpose
  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Status& status() const& { return status_; }
  Status&& status() && { return std::move(status_); }
  T& operator*() & {
    check();
    return *value_;
  }
  const T& operator*() const& {
    check();
    return *value_;
  }
  T&& operator*() && {
    check();
    return std::move(*value_);
  }
  T* operator->() {
    check();
    return &*value_;
  }
  const T* operator->() const {
    check();
    return &*value_;
  }

 private:
  void check() const;
  std::optional<T> value_;
  Status status_;
};

[[noreturn]] void check_failed(const char* file, int line, const char* what, std::string_view detail);

template <class T>
void Result<T>::check() const {
  if (!value_) check_failed(__FILE__, __LINE__, "Result has a value", status_.to_string());
}

// An invariant of ours. Stays on in release builds.
#define RF_CHECK(cond)                                         \
  do {                                                         \
    if (!(cond)) [[unlikely]]                                  \
      ::rideflow::check_failed(__FILE__, __LINE__, #cond, {}); \
  } while (false)

#define RF_CONCAT_(a, b) a##b
#define RF_CONCAT(a, b) RF_CONCAT_(a, b)
// Returns the Status to the caller when it is not ok.
#define RF_TRY(expr)                                                              \
  do {                                                                            \
    if (::rideflow::Status rf_status = (expr); !rf_status.ok()) return rf_status; \
  } while (false)
// RF_ASSIGN(auto x, f()): x = *f(), or returns its Status.
#define RF_ASSIGN_IMPL(tmp, decl, expr)          \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return std::move(tmp).status(); \
  decl = *std::move(tmp)
#define RF_ASSIGN(decl, expr) RF_ASSIGN_IMPL(RF_CONCAT(rf_result_, __LINE__), decl, expr)

}  // namespace rideflow
