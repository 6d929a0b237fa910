#include "processes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <memory>
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

void check(ssize_t result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
}

/// CPU time and memory of a process, all its threads included, from here on.
class Meter {
 public:
  explicit Meter(pid_t process) : directory_("/proc/" + std::to_string(process)) {
    if (const int error = ::clock_getcpuclockid(process, &clock_); error != 0)
      throw std::system_error(error, std::generic_category(), "clock_getcpuclockid");
    std::ofstream(directory_ + "/clear_refs") << "5\n";  // sets the peak back to what is resident now
    memory_before_ = memory_bytes("VmRSS:");
    cpu_seconds_before_ = cpu_seconds();
  }

  void add_to(Taken& taken) const {
    taken.cpu_seconds += cpu_seconds() - cpu_seconds_before_;
    const std::uint64_t peak = memory_bytes("VmHWM:");
    taken.memory_bytes += peak > memory_before_ ? peak - memory_before_ : 0;
  }

 private:
  [[nodiscard]] double cpu_seconds() const {
    timespec time{};
    check(::clock_gettime(clock_, &time), "clock_gettime");
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }

  /// `field` is one of /proc/PID/status.
  [[nodiscard]] std::uint64_t memory_bytes(const std::string& field) const {
    std::ifstream status(directory_ + "/status");
    std::uint64_t kibibytes = 0;
    for (std::string word; status >> word;) {
      if (word == field && status >> kibibytes) return kibibytes * 1024;
    }
    throw std::runtime_error("there is no " + field + " in " + directory_ + "/status");
  }

  std::string directory_;
  clockid_t clock_{};
  std::uint64_t memory_before_ = 0;
  double cpu_seconds_before_ = 0;
};

std::optional<Meter> meter_of(std::optional<pid_t> process) {
  return process ? std::optional<Meter>(*process) : std::nullopt;
}

/// Opens for all who wait once all who have it have opened it, be it by dying.
class Gate {
 public:
  Gate() { check(::pipe(ends_.data()), "pipe"); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() {
    open();
    ::close(ends_[0]);
  }

  void open() {
    if (const int fd = std::exchange(ends_[1], -1); fd >= 0) ::close(fd);
  }
  void pass() {
    open();
    char byte = 0;
    check(::read(ends_[0], &byte, 1), "read from a pipe");
  }

 private:
  std::array<int, 2> ends_{};
};

/// What a process says in the end, in memory that all share.
struct Report {
  bool is_done = false;
  bool is_unavailable = false;
  Taken uncounted{};
  Clock::time_point end{};
  Taken taken{};                     ///< but for its seconds
  std::array<char, 1024> message{};  ///< of a failure

  void set_failure(std::string_view text, bool unavailable) noexcept {
    text.copy(message.data(), message.size() - 1);
    is_unavailable = unavailable;
  }

  void check() const {
    if (is_unavailable) throw Unavailable(message.data());
    if (!is_done) throw std::runtime_error(message[0] != 0 ? message.data() : "a process of the cell has died");
  }
};

/// They go with this process.
std::span<Report> make_reports(std::size_t count) {
  void* const memory =
      ::mmap(nullptr, count * sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const reports = static_cast<Report*>(memory);
  std::uninitialized_value_construct_n(reports, count);
  return {reports, count};
}

/// Leaves without destructors of what the parent has: they are the parent's to run.
[[noreturn]] void be_process(const std::function<Work()>& prepare, Gate& ready, Gate& start, Report& report) {
  try {
    const Work work = prepare();
    const Meter meter(::getpid());
    ready.open();
    start.pass();
    report.uncounted = work();
    report.end = Clock::now();
    meter.add_to(report.taken);
    report.is_done = true;
  } catch (const Unavailable& error) {
    report.set_failure(error.what(), true);
  } catch (const std::exception& error) {
    report.set_failure(error.what(), false);
  }
  std::_Exit(0);
}

Taken run_here(std::optional<pid_t> server, const std::function<Work(std::size_t)>& prepare,
               const std::function<void()>& finish) {
  const Work work = prepare(0);
  const std::optional<Meter> server_meter = meter_of(server);
  const Meter meter(::getpid());
  const auto begin = Clock::now();
  const Taken uncounted = work();
  finish();
  Taken taken{.seconds = seconds_between(begin, Clock::now()) - uncounted.seconds,
              .cpu_seconds = -uncounted.cpu_seconds};
  meter.add_to(taken);
  if (server_meter) server_meter->add_to(taken);
  return taken;
}

Taken run_forked(std::size_t processes, std::optional<pid_t> server, const std::function<Work(std::size_t)>& prepare,
                 const std::function<void()>& finish) {
  Gate ready;
  Gate start;
  const std::span<Report> reports = make_reports(processes);
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    check(child, "fork");
    if (child == 0) be_process([&] { return prepare(i); }, ready, start, reports[i]);
    children.push_back(child);
  }
  ready.pass();
  const std::optional<Meter> server_meter = meter_of(server);
  const auto begin = Clock::now();
  start.open();
  for (const pid_t child : children) check(::waitpid(child, nullptr, 0), "waitpid");
  Taken taken;
  for (const Report& report : reports) {
    report.check();
    taken.seconds = std::max(taken.seconds, seconds_between(begin, report.end) - report.uncounted.seconds);
    taken.cpu_seconds += report.taken.cpu_seconds - report.uncounted.cpu_seconds;
    taken.memory_bytes += report.taken.memory_bytes;
  }
  const auto finish_begin = Clock::now();
  finish();
  taken.seconds += seconds_between(finish_begin, Clock::now());
  if (server_meter) server_meter->add_to(taken);
  return taken;
}

}  // namespace

Taken run_together(std::size_t processes, std::optional<pid_t> server,
                   const std::function<Work(std::size_t process)>& prepare, const std::function<void()>& finish) {
  return processes == 1 ? run_here(server, prepare, finish) : run_forked(processes, server, prepare, finish);
}

}  // namespace bench
