#include "processes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "engine.hpp"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;  // one for all processes

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

void check(ssize_t result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
}

class Pipe {
 public:
  Pipe() { check(::pipe(ends_.data()), "pipe"); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(0);
    close(1);
  }

  /// Tells the readers, once all who had it open have done so, be it by dying.
  void close_writer() { close(1); }
  /// False at the end. So few bytes come at once.
  bool read(void* to, std::size_t size) {
    close_writer();
    const ssize_t count = ::read(ends_[0], to, size);
    check(count, "read from a pipe");
    return static_cast<std::size_t>(count) == size;
  }
  void write(const void* bytes, std::size_t size) const { check(::write(ends_[1], bytes, size), "write to a pipe"); }

  void wait_for_end() {
    char byte = 0;
    (void)read(&byte, 1);
  }

 private:
  void close(std::size_t end) {
    if (const int fd = std::exchange(ends_[end], -1); fd >= 0) ::close(fd);
  }

  std::array<int, 2> ends_{};
};

/// What a process says in the end: few enough bytes to go through a pipe at once.
struct Report {
  bool unavailable = false;
  double seconds = 0;  ///< that do not count
  Clock::time_point end{};
  Usage usage{};
  std::array<char, 1024> message{};  ///< of a failure

  void set_message(std::string_view text) noexcept { text.copy(message.data(), message.size() - 1); }
};

struct Pipes {
  Pipe ready;  ///< its end is when all are
  Pipe start;  ///< its end is the start
  Pipe reports;
};

Usage without(Usage usage, const Usage& uncounted) {
  usage.cpu_seconds -= uncounted.cpu_seconds;
  return usage;
}

Report prepare_and_work(const std::function<Work()>& prepare, Pipes& pipes) {
  const Work work = prepare();
  const Meter meter(::getpid());
  pipes.ready.close_writer();
  pipes.start.wait_for_end();
  const Timed uncounted = work();
  return {.seconds = uncounted.seconds, .end = Clock::now(), .usage = without(meter.usage(), uncounted.usage)};
}

/// Leaves without destructors of what the parent has: they are the parent's to run.
[[noreturn]] void be_process(const std::function<Work()>& prepare, Pipes& pipes) {
  Report report;
  try {
    report = prepare_and_work(prepare, pipes);
  } catch (const Unavailable& error) {
    report.unavailable = true;
    report.set_message(error.what());
  } catch (const std::exception& error) {
    report.set_message(error.what());
  }
  pipes.reports.write(&report, sizeof report);
  std::_Exit(0);
}

void throw_failure(const Report& report) {
  const std::string message = report.message.data();
  if (report.unavailable) throw Unavailable(message);
  if (!message.empty()) throw std::runtime_error(message);
}

std::optional<Meter> meter_of(std::optional<pid_t> process) {
  return process ? std::optional<Meter>(*process) : std::nullopt;
}

Timed run_here(std::optional<pid_t> server, const std::function<Work(std::size_t)>& prepare,
               const std::function<void()>& finish) {
  const Work work = prepare(0);
  const std::optional<Meter> server_meter = meter_of(server);
  const Meter meter(::getpid());
  const auto begin = Clock::now();
  const Timed uncounted = work();
  finish();
  Timed timed{.seconds = seconds_between(begin, Clock::now()) - uncounted.seconds,
              .usage = without(meter.usage(), uncounted.usage)};
  if (server_meter) timed.usage += server_meter->usage();
  return timed;
}

Timed run_forked(std::size_t processes, std::optional<pid_t> server, const std::function<Work(std::size_t)>& prepare,
                 const std::function<void()>& finish) {
  Pipes pipes;
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    check(child, "fork");
    if (child == 0) be_process([&] { return prepare(i); }, pipes);
    children.push_back(child);
  }
  pipes.ready.wait_for_end();
  const std::optional<Meter> server_meter = meter_of(server);
  const auto begin = Clock::now();
  pipes.start.close_writer();
  std::vector<Report> reports;
  for (Report report; pipes.reports.read(&report, sizeof report);) reports.push_back(report);
  for (const pid_t child : children) check(::waitpid(child, nullptr, 0), "waitpid");
  Timed timed;
  for (const Report& report : reports) {
    throw_failure(report);
    timed.seconds = std::max(timed.seconds, seconds_between(begin, report.end) - report.seconds);
    timed.usage += report.usage;
  }
  if (reports.size() < processes) throw std::runtime_error("a process of the cell has died");
  const auto finish_begin = Clock::now();
  finish();
  timed.seconds += seconds_between(finish_begin, Clock::now());
  if (server_meter) timed.usage += server_meter->usage();
  return timed;
}

}  // namespace

Timed run_together(std::size_t processes, std::optional<pid_t> server,
                   const std::function<Work(std::size_t process)>& prepare, const std::function<void()>& finish) {
  return processes == 1 ? run_here(server, prepare, finish) : run_forked(processes, server, prepare, finish);
}

}  // namespace bench
