#include "net/find_server.hpp"

#include <accrete/error.hpp>
#include <cstdint>

#include "base/escape.hpp"
#include "dataset/names.hpp"
#include "os/dataset_lock.hpp"
#include "os/process.hpp"

namespace accrete {

namespace {

/// Who has a dataset for itself, as far as that is recorded and it may live.
std::optional<std::uint64_t> living_owner_of(Directory& dataset, const Layout& layout) {
  const std::optional<Process> owner = layout.owner(dataset);
  if (!owner) return std::nullopt;
  return is_certainly_dead(*owner) ? 0 : owner->number;
}

}  // namespace

std::optional<ServerFile> find_server(Directory& dataset, const Layout& layout) {
  if (!dataset.info(server_name) || !dataset.info(lock_name)) return std::nullopt;
  if (layout.describe_if_linked_copy(dataset)) return std::nullopt;  // its lock and its server are the original's
  if (!dataset.lock(lock_name)->is_taken()) return std::nullopt;
  // A server that was killed may have left its file, and others take the lock for a moment.
  const std::optional<std::uint64_t> owner = living_owner_of(dataset, layout);
  if (owner == std::uint64_t{0}) return std::nullopt;
  try {
    std::optional<ServerFile> server = try_load_server_file(dataset);
    const bool is_owner = !owner || (server && static_cast<std::uint64_t>(server->process) == *owner);
    return is_owner ? std::move(server) : std::nullopt;
  } catch (const CorruptionError& error) {
    throw CorruptionError(std::string(error.what()) + "; " +
                          (owner ? "process " + std::to_string(*owner) : std::string("a process")) +
                          " has the dataset for itself: if it is a server, end it by SIGTERM");
  }
}

void refuse_if_served(Directory& dataset, const Layout& layout, std::string_view action) {
  const std::optional<ServerFile> server = find_server(dataset, layout);
  if (!server) return;
  throw LockedError("cannot " + std::string(action) + " the dataset " + quoted(dataset.path()) + ": process " +
                    std::to_string(server->process) + " serves it; stop it first: accrete stop " +
                    quoted(dataset.path()));
}

void refuse_linked_copy(Directory& dataset, const Layout& layout, std::string_view action) {
  const std::optional<std::string> found = layout.describe_if_linked_copy(dataset);
  if (found) throw CorruptionError("cannot " + std::string(action) + " the dataset: " + *found);
}

}  // namespace accrete
