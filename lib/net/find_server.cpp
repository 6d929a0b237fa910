#include "net/find_server.hpp"

#include <accrete/error.hpp>
#include <cstdint>
#include <memory>

#include "base/escape.hpp"
#include "dataset/directory.hpp"
#include "dataset/names.hpp"
#include "layout/files/control.hpp"
#include "layout/files/files_parts.hpp"
#include "layout/files/linked_files.hpp"
#include "os/dataset_lock.hpp"
#include "os/process.hpp"

namespace accrete {

namespace {

/// Who has a dataset for itself, as far as that is recorded and it may live.
std::optional<std::uint64_t> owner_of(Directory& dataset) {
  try {
    const Owner owner = Control(dataset, true).load_owner();
    const Process process{.number = owner.process, .start = owner.start, .pid_namespace = owner.pid_namespace};
    return is_certainly_dead(process) ? 0 : owner.process;
  } catch (const CorruptionError&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<ServerFile> find_server(const std::string& path) {
  const std::unique_ptr<Directory> directory = open_dataset_directory(posix_env(), path);
  if (!directory->info(server_name) || !directory->info(lock_name)) return std::nullopt;
  if (is_linked_copy(*directory)) return std::nullopt;  // its lock and its server are the original's
  if (!directory->lock(lock_name)->is_taken()) return std::nullopt;
  // A server that was killed may have left its file, and others take the lock for a moment.
  const std::optional<std::uint64_t> owner = owner_of(*directory);
  if (owner == std::uint64_t{0}) return std::nullopt;
  try {
    std::optional<ServerFile> server = try_load_server_file(*directory);
    const bool is_owner = !owner || (server && static_cast<std::uint64_t>(server->process) == *owner);
    return is_owner ? std::move(server) : std::nullopt;
  } catch (const CorruptionError& error) {
    throw CorruptionError(std::string(error.what()) + "; " +
                          (owner ? "process " + std::to_string(*owner) : std::string("a process")) +
                          " has the dataset for itself: if it is a server, end it by SIGTERM");
  }
}

void refuse_if_served(const std::string& path, std::string_view action) {
  const std::optional<ServerFile> server = find_server(path);
  if (!server) return;
  throw LockedError("cannot " + std::string(action) + " the dataset " + quoted(path) + ": process " +
                    std::to_string(server->process) + " serves it; stop it first: accrete stop " + quoted(path));
}

void refuse_linked_copy(Directory& directory, std::string_view action) {
  if (!is_linked_copy(directory)) return;
  throw CorruptionError("cannot " + std::string(action) + " the dataset: " + describe_linked_copy(directory));
}

}  // namespace accrete
