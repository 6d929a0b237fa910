#include "net/find_server.hpp"

#include <accrete/error.hpp>
#include <chrono>
#include <memory>

#include "base/escape.hpp"
#include "os/dataset_lock.hpp"
#include "store/files_parts.hpp"

namespace accrete {

std::optional<ServerFile> find_server(const std::string& path) {
  const std::unique_ptr<Directory> directory = open_dataset_directory(posix_env(), path);
  std::optional<ServerFile> server = try_load_server_file(*directory);
  if (!server) return std::nullopt;
  try {
    (void)directory->lock(lock_name)->shared(std::chrono::milliseconds{0});
    return std::nullopt;
  } catch (const LockedError&) {
    return server;
  }
}

void refuse_if_served(const std::string& path, std::string_view action) {
  const std::optional<ServerFile> server = find_server(path);
  if (!server) return;
  throw LockedError("cannot " + std::string(action) + " the dataset " + quoted(path) + ": process " +
                    std::to_string(server->process) + " serves it; stop it first: accrete stop " + quoted(path));
}

}  // namespace accrete
