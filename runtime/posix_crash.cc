#include "runtime/posix_crash.h"

#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <memory>

namespace rideflow {
namespace {

constexpr int kDeadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
// Of a thread whose own stack is used up.
constexpr size_t kSignalStack = 16 << 10;

thread_local JobNote* crash_note = nullptr;

// The handler is gone by now: a fault happens again and ends the process. A signal that was sent does not
// come again by itself, and where somebody else sent it, no job is to blame.
extern "C" void on_deadly_signal(int signal, siginfo_t* info, void*) {
  const bool sent = info->si_code <= 0;
  const bool by_others = sent && info->si_pid != ::getpid();
  if (crash_note != nullptr && !by_others) crash_note->set_crashed();
  if (sent) ::raise(signal);
}

// Given back when its thread ends. A thread that has one already (a sanitizer's) keeps it.
struct SignalStack {
  SignalStack() {
    stack_t stack{};
    if (::sigaltstack(nullptr, &stack) != 0 || (stack.ss_flags & SS_DISABLE) == 0) return;
    memory.reset(new char[kSignalStack]);
    stack = {};
    stack.ss_sp = memory.get();
    stack.ss_size = kSignalStack;
    taken = ::sigaltstack(&stack, nullptr) == 0;
  }
  ~SignalStack() {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    if (taken) ::sigaltstack(&none, nullptr);
  }
  std::unique_ptr<char[]> memory;
  bool taken = false;
};

}  // namespace

void note_crashes() {
  for (const int signal : kDeadly) {
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) continue;
    struct sigaction action {};
    action.sa_sigaction = on_deadly_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    ::sigaction(signal, &action, nullptr);
  }
}

void this_thread_runs(JobNote* note) {
  thread_local const SignalStack stack;
  (void)stack;
  crash_note = note;
}

}  // namespace rideflow
