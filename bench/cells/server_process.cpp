#include "server_process.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace bench {
namespace {

constexpr std::chrono::seconds patience{30};
constexpr std::chrono::milliseconds step{2};

void check(int result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
}

/// In the child.
[[noreturn]] void execute(std::vector<std::string> command, const std::filesystem::path& directory, int output) {
  std::vector<char*> arguments;
  for (std::string& text : command) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(output, STDERR_FILENO) >= 0 && ::chdir(directory.c_str()) == 0)
    ::execvp(arguments[0], arguments.data());
  std::_Exit(127);
}

}  // namespace

ServerProcess::ServerProcess(const std::vector<std::string>& command, const std::filesystem::path& directory)
    : program_(command.at(0)), output_(::memfd_create("output of a server", MFD_CLOEXEC)), pid_(::fork()) {
  check(output_, "memfd_create");
  check(pid_, "fork");
  if (pid_ == 0) execute(command, directory, output_);
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(output_);
}

void ServerProcess::wait_for(std::string_view text) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (output().find(text) == std::string::npos) {
    siginfo_t status{};
    check(::waitid(P_PID, static_cast<id_t>(pid_), &status, WEXITED | WNOHANG | WNOWAIT), "waitid");
    if (status.si_pid != 0) throw std::runtime_error("'" + program_ + "' has ended: " + output());
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("'" + program_ + "' takes too long: " + output());
    std::this_thread::sleep_for(step);
  }
}

void ServerProcess::stop() {
  const pid_t pid = std::exchange(pid_, -1);
  check(::kill(pid, SIGTERM), "kill");
  int status = 0;
  check(::waitpid(pid, &status, 0), "waitpid");
  if (status != 0) throw std::runtime_error("'" + program_ + "' has failed: " + output());
}

std::string ServerProcess::output() const {
  std::string text;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t count = ::pread(output_, piece.data(), piece.size(), static_cast<off_t>(text.size()));
    check(static_cast<int>(count), "read the output of a server");
    if (count == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace bench
