#include "os/process.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace accrete {
namespace {

struct ProcessState {
  char letter = 0;
  std::uint64_t start = 0;
};

/// nullopt if /proc does not tell. A line of it: "123 (a name, of any bytes) S 1 …"; the start is the 22nd field.
std::optional<ProcessState> state_of(const std::string& process) {
  std::ifstream in("/proc/" + process + "/stat");
  std::string line;
  if (!std::getline(in, line, '\0') && line.empty()) return std::nullopt;
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  ProcessState state;
  fields >> state.letter;
  constexpr int fields_between = 18;
  std::string skipped;
  for (int i = 0; i < fields_between; ++i) fields >> skipped;
  fields >> state.start;
  return fields ? std::optional(state) : std::nullopt;
}

/// 0 if /proc does not tell.
std::uint64_t namespace_of(const std::string& process) {
  struct stat status {};
  return ::stat(("/proc/" + process + "/ns/pid").c_str(), &status) == 0 ? status.st_ino : 0;
}

std::uint64_t own_namespace() { return namespace_of("self"); }

/// In the innermost of its namespaces; 0 if /proc does not tell. A line of it: "NSpid:\t4711\t1".
std::uint64_t innermost_number_of(const std::string& process) {
  std::ifstream in("/proc/" + process + "/status");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("NSpid:")) continue;
    std::uint64_t number = 0;
    std::istringstream(line.substr(line.find_last_of(" \t") + 1)) >> number;
    return number;
  }
  return 0;
}

/// Its first thread may have ended, and others live.
bool has_ended(const ProcessState& state, const std::string& process) {
  if (state.letter != 'Z' && state.letter != 'X') return false;
  std::error_code error;
  const std::filesystem::directory_iterator threads("/proc/" + process + "/task", error);
  return error || std::distance(threads, std::filesystem::directory_iterator()) <= 1;
}

enum class Life { alive, dead, unknown };

Life life_of(const Process& process) {
  const bool has_name = process.number > 0 && process.number <= std::numeric_limits<pid_t>::max();
  if (!has_name || process.pid_namespace == 0 || process.pid_namespace != own_namespace()) return Life::unknown;
  if (::kill(static_cast<pid_t>(process.number), 0) != 0 && errno == ESRCH) return Life::dead;
  const std::string name = std::to_string(process.number);
  const std::optional<ProcessState> state = state_of(name);
  if (!state || process.start == 0) return Life::unknown;
  return state->start == process.start && !has_ended(*state, name) ? Life::alive : Life::dead;
}

}  // namespace

Process this_process() {
  const std::optional<ProcessState> state = state_of("self");
  return {.number = static_cast<std::uint64_t>(::getpid()),
          .start = state ? state->start : 0,
          .pid_namespace = own_namespace()};
}

std::optional<Process> process_as_it_knows_itself(std::int64_t number) {
  const std::string name = std::to_string(number);
  const std::optional<ProcessState> state = state_of(name);
  const Process process{
      .number = innermost_number_of(name), .start = state ? state->start : 0, .pid_namespace = namespace_of(name)};
  const bool is_known = process.number != 0 && process.start != 0 && process.pid_namespace != 0;
  return is_known ? std::optional(process) : std::nullopt;
}

bool is_certainly_alive(const Process& process) { return life_of(process) == Life::alive; }

bool is_certainly_dead(const Process& process) { return life_of(process) == Life::dead; }

}  // namespace accrete
