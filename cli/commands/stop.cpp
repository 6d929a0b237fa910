// accrete stop: ends the caching server of a dataset.
#include <chrono>
#include <optional>
#include <thread>

#include "api/datasets.hpp"
#include "base/escape.hpp"
#include "cli/program.hpp"
#include "dataset/names.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "net/find_server.hpp"
#include "net/server_file.hpp"
#include "os/env.hpp"
#include "os/lock_holder.hpp"
#include "os/process.hpp"

namespace accrete::cli {
namespace {

/// nullopt if there is none that is whole.
std::optional<ServerFile> whole_server_file(Directory& dataset) {
  try {
    return try_load_server_file(dataset);
  } catch (const CorruptionError&) {
    return std::nullopt;
  }
}

/// What is known of who has the dataset's lock.
struct Found {
  std::int64_t holder = 0;  ///< 0: it cannot be named from here
  std::optional<Process> owner{};
  std::optional<ServerFile> server{};

  /// Another program may have the dataset for itself, with the file of a server that was killed in it.
  [[nodiscard]] bool is_server() const {
    return server && (!owner || owner->number == static_cast<std::uint64_t>(server->process));
  }

  /// From here, a process of a container has another number than there, in `.control` and in `.server`.
  [[nodiscard]] bool has_dataset_for_itself() const {
    if (holder == 0) return owner && owner->number != 0 && !is_certainly_dead(*owner);
    const std::optional<Process> process = process_as_it_knows_itself(holder);
    if (!process || !owner) return server && server->process == holder;
    // Not by its start, which is another number in a time namespace: it is the one that has the lock.
    return process->number == owner->number && process->pid_namespace == owner->pid_namespace;
  }
};

class StopArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.footer(
        "Sends SIGTERM to the server of the dataset and waits until it has flushed and gone.\n"
        "The exit code is 1 if none runs, 3 if it is not gone in time, or if nothing says that who has the dataset "
        "for\n"
        "itself is a server, and 4 if it could not hand everything down: its log then has the reason. What it had\n"
        "acknowledged at the levels os and sync is in its journal, and is handed down by the next program that opens\n"
        "the dataset; at the level memory it is lost.\n\n"
        "Example:\n  accrete stop flights\n");
  }

  void run(Program&) const {
    dataset_.refuse_endpoint("stop");
    const FoundDataset dataset = find_dataset(posix_env(), dataset_.dataset);
    const std::shared_ptr<Directory>& directory = dataset.place.directory;
    refuse_linked_copy(*directory, dataset.layout, "stop the server of");
    const std::string lock = directory->path() + "/" + lock_name;
    const Found found = find_holder(dataset, lock);
    refuse_unknown(found);
    ask_to_end(found.holder);
    wait_until_gone(lock, found.holder);
    if (try_load_server_file(*directory) != found.server) return;
    throw Error("the server of " + accrete::quoted(dataset_.dataset) +
                " has ended, but could not hand down all that it had gathered: see its log. " +
                (has_open_buffer_journal(*directory)
                     ? "What it had acknowledged at the levels os and sync is in its journal: make room, if the disk "
                       "is full, and open the dataset again"
                     : "There is no journal: if it served at the level memory, what it had gathered is lost"));
  }

 private:
  [[nodiscard]] std::string cannot_stop() const {
    return "cannot stop the server of " + accrete::quoted(dataset_.dataset) + ": ";
  }

  [[nodiscard]] Found find_holder(const FoundDataset& dataset, const std::string& lock) const {
    if (const std::optional<std::int64_t> holder = lock_holder(lock)) {
      Directory& directory = *dataset.place.directory;
      Found found{.holder = *holder, .owner = dataset.layout.owner(directory), .server = whole_server_file(directory)};
      if (found.has_dataset_for_itself()) return found;
    }
    throw NotFoundError(cannot_stop() + "none runs");
  }

  /// Throws if it is not for certain a server, or cannot be told to stop from here.
  void refuse_unknown(const Found& found) const {
    const bool is_of_this_system = found.holder != 0 || is_certainly_alive(*found.owner);
    if (!is_of_this_system) {
      throw Error(cannot_stop() +
                  "it runs on another host, in another container, or as a user whose processes are hidden from this "
                  "one; stop it there");
    }
    const std::string process =
        "process " + (found.holder != 0 ? std::to_string(found.holder) : std::to_string(found.owner->number));
    if (!found.is_server()) {
      throw LockedError(cannot_stop() + process + " has the dataset for itself, but no whole file '" + server_name +
                        "' says that it is a server; if it is one, end it by SIGTERM");
    }
    if (found.holder == 0) {
      throw Error(cannot_stop() + process +
                  " serves it, and this user may not look at that; stop it as its user or as root");
    }
  }

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

  DirectoryArguments dataset_;
};

}  // namespace

void add_stop_command(CLI::App& app, Program& program) {
  add_command<StopArguments>(app, program, "stop", "End the server of a dataset");
}

}  // namespace accrete::cli
