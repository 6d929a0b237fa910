// Datasets in directories, of whichever layout, with the layers that they ask for: on any Env, whoever may serve them.
#pragma once

#include <accrete/accrete.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/layout.hpp"
#include "layer/buffered/buffered_store.hpp"

namespace accrete {

/// The directory of a dataset, opened once.
struct OpenDirectory {
  std::shared_ptr<Directory> directory;
  const Layout& layout;                 ///< the first of the table, if there is no marker by which that is known
  std::optional<Marker> marker{};       ///< if it can be used here
  std::exception_ptr marker_failure{};  ///< if it cannot
};

/// Throws NotFoundError if there is no directory. What a server serves can be used whatever its marker looks like to
/// this process.
[[nodiscard]] OpenDirectory open_directory(Env& env, const std::string& path);

struct FoundDataset {
  DatasetDirectory place;
  const Layout& layout;
};

/// Throws NotFoundError if there is none, or what is the matter with its marker.
[[nodiscard]] FoundDataset find_dataset(OpenDirectory found);
[[nodiscard]] FoundDataset find_dataset(Env& env, const std::string& path);

void create_dataset(Env& env, const std::string& path, const CreateOptions& options);

[[nodiscard]] std::shared_ptr<DatasetLock> create_temporary_dataset(Env& env, const std::string& path);

[[nodiscard]] std::unique_ptr<Store> open_dataset(Env& env, FoundDataset found, const OpenOptions& options);
[[nodiscard]] std::unique_ptr<Store> open_dataset(Env& env, const std::string& path, const OpenOptions& options);

/// For this process alone. Throws LockedError if others use the dataset for longer than options.lock_timeout.
[[nodiscard]] std::unique_ptr<OwnedDataset> open_owned_dataset(Env& env, const std::string& path,
                                                               const OpenOptions& options);

/// As above, with a buffer over it that has a journal (but for Durability::memory). What an earlier one
/// has left in its journal is replayed first.
[[nodiscard]] std::unique_ptr<BufferedStore> open_buffered_dataset(Env& env, FoundDataset found,
                                                                   const OpenOptions& options);
[[nodiscard]] std::unique_ptr<BufferedStore> open_buffered_dataset(Env& env, const std::string& path,
                                                                   const OpenOptions& options);

[[nodiscard]] VerifyReport verify_dataset(Env& env, const std::string& path, const VerifyOptions& options);

void destroy_dataset(Env& env, const std::string& path);

/// As in net/find_server.hpp.
void refuse_if_served(Env& env, const std::string& path, std::string_view action);
void refuse_linked_copy(Env& env, const std::string& path, std::string_view action);

[[nodiscard]] std::vector<std::string> sweep_datasets(Env& env, const std::string& dir);

}  // namespace accrete
