// Files of a dataset that have another name besides, as in a copy by hard links: what is written to one shows in both.
#pragma once

#include <optional>
#include <string>

#include "os/env.hpp"
#include "store/control.hpp"
#include "store/marker.hpp"

namespace accrete {

/// Gives the file `name` an inode of its own with the same bytes, at once or not at all, however the process ends. What
/// has the file open keeps the old one. Needs the dataset's lock exclusively.
void replace_by_copy(Directory& directory, const std::string& name);

/// Whether the directory was copied from a dataset's by hard links: they share the control file, which names the
/// other's. It must not be used: two datasets would have one lock, one state and one journal.
[[nodiscard]] bool is_linked_copy(const Directory& directory, const Control& control);
/// As above; false if the control file is missing or damaged.
[[nodiscard]] bool is_linked_copy(Directory& directory);

/// What is wrong with such a directory, and what to do.
[[nodiscard]] std::string describe_linked_copy(const Directory& directory);

/// Makes a dataset of its own of such a copy: own files, and `marker`, which it has read, with another UUID. Its values
/// go on sharing their files until one of both is appended to. Needs the lock that both have, exclusively. Throws
/// LockedError if appends to the original stand in the journal of a buffer only.
void separate_linked_copy(Directory& directory, const std::optional<Marker>& marker);

}  // namespace accrete
