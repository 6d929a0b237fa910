// Files of a dataset that have another name besides, as in a copy by hard links: what is written to one shows in both.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dataset/marker.hpp"
#include "layout/files/control.hpp"
#include "os/env.hpp"

namespace accrete {

/// Replaces what shared_own_names finds by copies, before anything is written to them, and has others open them anew.
/// Brings the words of `header`, as `control` has it, up to date. Needs the lock exclusively.
void separate_own_files(Directory& directory, Control& control, Control::Header& header);

/// Whether the directory was copied from a dataset's by hard links: they share the control file, which names the
/// other's. It must not be used: two datasets would have one lock, one state and one journal.
[[nodiscard]] bool is_linked_copy(const Directory& directory, const Control& control);
/// As above; false if the control file is missing or damaged.
[[nodiscard]] bool is_linked_copy(Directory& directory);

/// What is wrong with such a directory, and what to do.
[[nodiscard]] std::string describe_linked_copy(const Directory& directory);

/// Makes a dataset of its own of such a copy: own files, and `marker`, which it has read, with another UUID. Its values
/// go on sharing their files until one of both is appended to. Of a buffer that was killed it has the journal, too,
/// to be handed down. Needs the lock that both have, exclusively; throws LockedError if the original's owner lives.
void separate_linked_copy(Directory& directory, const std::optional<Marker>& marker);

}  // namespace accrete
