// accrete stop: ends the caching server of a dataset.
#include <chrono>
#include <optional>
#include <thread>

#include "base/escape.hpp"
#include "cli/program.hpp"
#include "net/find_server.hpp"
#include "net/server_file.hpp"
#include "os/env.hpp"
#include "os/lock_holder.hpp"
#include "os/process.hpp"
#include "store/control.hpp"
#include "store/files_parts.hpp"

namespace accrete::cli {
namespace {

/// Whether it is the process that has said in `.control` that it has the dataset for itself: from here, one of a
/// container has another number than there and in `.server`.
bool is_owner(Directory& dataset, std::int64_t holder) {
  const std::optional<Process> process = process_as_it_knows_itself(holder);
  try {
    const Owner owner = Control(dataset, true).load().owner;
    return process == Process{.number = owner.process, .start = owner.start, .pid_namespace = owner.pid_namespace};
  } catch (const CorruptionError&) {
    return false;
  }
}

class StopArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command, "Directory of the dataset");
    command.footer(
        "Sends SIGTERM to the server of the dataset and waits until it has flushed and gone.\n"
        "The exit code is 1 if none runs, 3 if it is not gone in time, and 4 if it could not hand everything down: "
        "its\n"
        "log then has the reason. What it had acknowledged at the levels os and sync is in its journal, and is handed\n"
        "down by the next program that opens the dataset.\n\n"
        "Example:\n  accrete stop flights\n");
  }

  void run(Program&) const {
    const std::unique_ptr<Directory> directory = open_dataset_directory(posix_env(), dataset_.dataset);
    (void)load_marker(*directory);
    refuse_linked_copy(*directory, "stop the server of");
    const std::string lock = directory->path() + "/" + lock_name;
    const std::optional<std::int64_t> holder = lock_holder(lock);
    const std::optional<ServerFile> server = holder ? try_load_server_file(*directory) : std::nullopt;
    if (holder == 0 && server) {
      throw Error("cannot stop the server of " + accrete::quoted(dataset_.dataset) +
                  ": it runs on another host or in another container; stop it there");
    }
    if (!server || (server->process != *holder && !is_owner(*directory, *holder))) {
      throw NotFoundError("cannot stop the server of " + accrete::quoted(dataset_.dataset) + ": none runs");
    }
    ask_to_end(*holder);
    wait_until_gone(lock, *holder);
    if (try_load_server_file(*directory) != server) return;
    throw Error(
        "the server of " + accrete::quoted(dataset_.dataset) +
        " has ended, but could not hand down all that it had gathered: see its log. What it had acknowledged at "
        "the levels os and sync is in its journal: make room, if the disk is full, and open the dataset again");
  }

 private:
  void wait_until_gone(const std::string& lock, std::int64_t process) const {
    constexpr std::chrono::milliseconds pause{10};
    const auto end = std::chrono::steady_clock::now() + dataset_.options().lock_timeout;
    while (lock_holder(lock, process) == process) {
      if (std::chrono::steady_clock::now() >= end) {
        throw TimeoutError("cannot see the end of the server of " + accrete::quoted(dataset_.dataset) + ": process " +
                           std::to_string(process) + " still flushes; wait longer, it has been told to stop");
      }
      std::this_thread::sleep_for(pause);
    }
  }

  DatasetArguments dataset_;
};

}  // namespace

void add_stop_command(CLI::App& app, Program& program) {
  add_command<StopArguments>(app, program, "stop", "End the server of a dataset");
}

}  // namespace accrete::cli
