#include "processes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fcntl.h>
#include <fstream>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bench {
namespace {

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

/// What a forked process and this one tell each other, in memory that both have.
struct Shared {
  Clock::time_point begin{};
  bool is_done = false;
  Taken taken{};
  std::array<char, 1024> failure{"a process of the cell has died"};
};

/// They go with this process.
std::span<Shared> make_shared_memory(std::size_t count) {
  void* const memory =
      ::mmap(nullptr, count * sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {new (memory) Shared[count], count};
}

void run(const Work& work, const Meter& meter, Shared& shared) {
  const Taken uncounted = work();
  shared.taken = {.seconds = seconds_since(shared.begin) - uncounted.seconds, .cpu_seconds = -uncounted.cpu_seconds};
  meter.add_to(shared.taken);
  shared.is_done = true;
}

/// Stops itself when it is ready. Leaves without destructors of what the parent has: they are the parent's to run.
[[noreturn]] void be_process(const std::function<Work()>& prepare, Shared& shared) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    const Work work = prepare();
    const Meter meter(::getpid());
    (void)::raise(SIGSTOP);
    run(work, meter, shared);
  } catch (const std::exception& error) {
    shared.failure = {};
    std::string_view(error.what()).copy(shared.failure.data(), shared.failure.size() - 1);
  }
  std::_Exit(0);
}

}  // namespace

Taken run_together(std::size_t processes, const ServerProcess* server, const std::function<Work(std::size_t)>& prepare,
                   const std::function<void()>& finish) {
  const std::span<Shared> all = make_shared_memory(processes);
  std::vector<pid_t> others;
  for (std::size_t i = 1; i < processes; ++i) {
    others.push_back(::fork());
    check(others.back(), "fork");
    if (others.back() == 0) be_process([&] { return prepare(i); }, all[i]);
  }
  for (const pid_t other : others) check(::waitpid(other, nullptr, WUNTRACED), "waitpid");
  Work work = prepare(0);
  std::optional<Meter> server_meter;
  if (server != nullptr) server_meter.emplace(server->pid());
  const Meter meter(::getpid());
  const auto begin = Clock::now();
  for (Shared& shared : all) shared.begin = begin;
  for (const pid_t other : others) (void)::kill(other, SIGCONT);
  run(work, meter, all[0]);
  work = nullptr;
  for (const pid_t other : others) (void)::waitpid(other, nullptr, 0);
  Taken taken;
  for (const Shared& shared : all) {
    if (!shared.is_done) throw std::runtime_error(shared.failure.data());
    taken.seconds = std::max(taken.seconds, shared.taken.seconds);
    taken.cpu_seconds += shared.taken.cpu_seconds;
    taken.memory_bytes += shared.taken.memory_bytes;
  }
  taken.seconds += seconds_of(finish);
  if (server_meter) server_meter->add_to(taken);
  return taken;
}

ServerProcess::ServerProcess(std::vector<std::string> command, const std::filesystem::path& directory,
                             std::string_view ready_text)
    : program_(command.at(0)) {
  constexpr int room = 1 << 20;  // for what nobody waits for
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe");
  (void)::fcntl(ends[1], F_SETPIPE_SZ, room);
  std::vector<char*> arguments;
  for (std::string& text : command) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::dup2(ends[1], STDOUT_FILENO) >= 0 && ::dup2(ends[1], STDERR_FILENO) >= 0 && ::chdir(directory.c_str()) == 0)
      ::execvp(arguments[0], arguments.data());
    std::_Exit(127);
  }
  check(pid_, "fork");
  ::close(ends[1]);
  pipe_ = ends[0];
  wait_for(ready_text);
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(pipe_);
}

bool ServerProcess::read_output() {
  std::array<char, 4096> piece{};
  const ssize_t count = ::read(pipe_, piece.data(), piece.size());
  check(count, "read the output of a server");
  output_.append(piece.data(), static_cast<std::size_t>(count));
  return count > 0;
}

void ServerProcess::wait_for(std::string_view text) {
  while (output_.find(text) == std::string::npos) {
    if (!read_output()) throw std::runtime_error("'" + program_ + "' has ended: " + output_);
  }
}

void ServerProcess::stop() {
  const pid_t pid = std::exchange(pid_, -1);
  check(::kill(pid, SIGTERM), "kill");
  int status = 0;
  check(::waitpid(pid, &status, 0), "waitpid");
  while (read_output()) continue;
  if (status != 0) throw std::runtime_error("'" + program_ + "' has failed: " + output_);
}

}  // namespace bench
