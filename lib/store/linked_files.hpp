// Files of a dataset that have another name besides, as in a copy by hard links: what is written to one shows in both.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/env.hpp"
#include "store/control.hpp"
#include "store/marker.hpp"

namespace accrete {

/// Gives the file `name` an inode of its own with the same bytes, at once or not at all, however the process ends. What
/// has the file open keeps the old one. Needs the dataset's lock exclusively.
void replace_by_copy(Directory& directory, const std::string& name);

/// Puts a file with these bytes in the place of `name`, if there is one, at once or not at all: under the name `staged`
/// first. It has the rights of that, or else those of the dataset's lock. Needs the lock exclusively.
void replace_whole(Directory& directory, const char* name, const char* staged, std::string_view bytes);

/// Whether the file, if it is there, has another name.
[[nodiscard]] bool is_shared(const Directory& directory, const std::string& name);

/// Those of the files beside the values that are written to and have another name, though the control file may have
/// none: backups by `rsync --link-dest` share what had not changed in between, `hardlink` what is equal. Two datasets
/// would have one journal, or one table of writers. A lock that is shared stays: the datasets wait for each other, but
/// who has it open would go on with the one that was replaced.
[[nodiscard]] std::vector<std::string> shared_own_files(const Directory& directory);

/// Replaces them by copies, before anything is written to them, and has others open them anew. Brings the words of
/// `header`, as `control` has it, up to date. Needs the lock exclusively.
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
