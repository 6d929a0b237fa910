// Datasets in directories, of whichever layout, with the layers that they ask for: on any Env, whoever may serve them.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/layout.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "net/server_file.hpp"

namespace accrete {

/// A dataset that was found at a path: its directory is opened once.
struct FoundDataset {
  DatasetDirectory place;
  const Layout& layout;
};

/// Throws NotFoundError if there is none.
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

/// Who serves the dataset now, if anybody does (net/find_server.hpp).
[[nodiscard]] std::optional<ServerFile> find_server(Env& env, const std::string& path);
void refuse_if_served(Env& env, const std::string& path, std::string_view action);
void refuse_linked_copy(Env& env, const std::string& path, std::string_view action);

[[nodiscard]] std::vector<std::string> sweep_datasets(Env& env, const std::string& dir);

}  // namespace accrete
