#include "processes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/mman.h>
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

void check(int result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
}

/// Nothing is written to it: it tells that all who had it open have closed it, be it by dying.
class Signal {
 public:
  Signal() { check(::pipe(ends_.data()), "pipe"); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal() {
    close(reader);
    close(writer);
  }

  void give() { close(writer); }
  void wait() {
    give();
    char byte = 0;
    check(static_cast<int>(::read(ends_[reader], &byte, 1)), "read from a pipe");
  }

 private:
  static constexpr std::size_t reader = 0;
  static constexpr std::size_t writer = 1;

  void close(std::size_t end) {
    if (const int fd = std::exchange(ends_[end], -1); fd >= 0) ::close(fd);
  }

  std::array<int, 2> ends_{};
};

enum class Outcome { died, done, failed, unavailable };

struct Report {
  Outcome outcome = Outcome::died;
  Clock::time_point end{};
  Usage usage{};
  std::array<char, 1024> message{};

  void set_message(Outcome kind, std::string_view text) noexcept {
    outcome = kind;
    text.copy(message.data(), message.size() - 1);
  }
};

/// One for each process, in memory that the parent shares with them.
class SharedReports {
 public:
  explicit SharedReports(std::size_t count)
      : size_(count * sizeof(Report)),
        memory_(::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    reports_ = {new (memory_) Report[count], count};
  }
  SharedReports(const SharedReports&) = delete;
  SharedReports& operator=(const SharedReports&) = delete;
  ~SharedReports() { ::munmap(memory_, size_); }

  [[nodiscard]] std::span<Report> get() const noexcept { return reports_; }

 private:
  std::size_t size_;
  void* memory_;
  std::span<Report> reports_{};
};

void prepare_and_work(const std::function<Work()>& prepare, Signal& ready, Signal& start, Report& report) {
  const Work work = prepare();
  const Meter meter(::getpid());
  ready.give();
  start.wait();
  work();
  report.end = Clock::now();
  report.usage = meter.usage();
}

/// Leaves without destructors of what the parent has: they are the parent's to run.
[[noreturn]] void be_process(const std::function<Work()>& prepare, Signal& ready, Signal& start, Report& report) {
  try {
    prepare_and_work(prepare, ready, start, report);
    report.outcome = Outcome::done;
  } catch (const Unavailable& error) {
    report.set_message(Outcome::unavailable, error.what());
  } catch (const std::exception& error) {
    report.set_message(Outcome::failed, error.what());
  }
  std::_Exit(0);
}

void throw_failure(const Report& report) {
  const std::string message = report.message.data();
  if (report.outcome == Outcome::unavailable) throw Unavailable(message);
  if (report.outcome == Outcome::failed) throw std::runtime_error(message);
  if (report.outcome == Outcome::died) throw std::runtime_error("a process of the cell has died");
}

Timed run_here(std::optional<pid_t> server, const std::function<Work(std::size_t)>& prepare) {
  const Work work = prepare(0);
  std::optional<Meter> server_meter;
  if (server) server_meter.emplace(*server);
  const Meter meter(::getpid());
  const auto begin = Clock::now();
  work();
  Timed timed{.seconds = seconds_between(begin, Clock::now()), .usage = meter.usage()};
  if (server_meter) timed.usage += server_meter->usage();
  return timed;
}

Timed run_forked(std::size_t processes, std::optional<pid_t> server, const std::function<Work(std::size_t)>& prepare) {
  const SharedReports reports(processes);
  Signal ready;
  Signal start;
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    check(child, "fork");
    if (child == 0) be_process([&] { return prepare(i); }, ready, start, reports.get()[i]);
    children.push_back(child);
  }
  ready.wait();
  std::optional<Meter> server_meter;
  if (server) server_meter.emplace(*server);
  const auto begin = Clock::now();
  start.give();
  for (const pid_t child : children) check(::waitpid(child, nullptr, 0), "waitpid");
  Timed timed;
  if (server_meter) timed.usage += server_meter->usage();
  for (const Report& report : reports.get()) {
    throw_failure(report);
    timed.seconds = std::max(timed.seconds, seconds_between(begin, report.end));
    timed.usage += report.usage;
  }
  return timed;
}

}  // namespace

Timed run_together(std::size_t processes, std::optional<pid_t> server,
                   const std::function<Work(std::size_t process)>& prepare) {
  return processes == 1 ? run_here(server, prepare) : run_forked(processes, server, prepare);
}

}  // namespace bench
