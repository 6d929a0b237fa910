// Whether a dataset is served now, and by whom.
#pragma once

#include <optional>
#include <string_view>

#include "dataset/layout.hpp"
#include "net/server_file.hpp"
#include "os/env.hpp"

namespace accrete {

/// nullopt if no server serves the dataset, be there a file of one that died, or a damaged one. Throws CorruptionError
/// if one may serve it whose file is damaged.
[[nodiscard]] std::optional<ServerFile> find_server(Directory& dataset, const Layout& layout);

/// Throws LockedError, "cannot <action> the dataset …", if one does.
void refuse_if_served(Directory& dataset, const Layout& layout, std::string_view action);

/// Throws CorruptionError, "cannot <action> …", if the directory is a copy of a dataset by hard links: who has its lock
/// has the original's, too, and may be the original's server.
void refuse_linked_copy(Directory& dataset, const Layout& layout, std::string_view action);

}  // namespace accrete
