// The names of a dataset's own files. They begin with a dot, and stand at the top of its directory; everything else
// there is its layout's, such as the file of a key, whose name never begins with a dot (base/key_name.hpp).
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/env.hpp"

namespace accrete {

inline constexpr const char* marker_name = ".accrete";              // what makes a directory a dataset (marker.hpp)
inline constexpr const char* staged_marker_name = ".accrete-new";   // while a directory is adopted
inline constexpr const char* lock_name = ".lock";                   // the lock (os/dataset_lock.hpp); empty
inline constexpr const char* owner_name = ".owner";                 // of a temporary dataset: locked by its owner
inline constexpr const char* server_name = ".server";               // where its server listens (net/server_file.hpp)
inline constexpr const char* staged_server_name = ".server-new";    // while that is written
inline constexpr const char* socket_name = ".socket";               // of its server
inline constexpr const char* control_name = ".control";             // layout `files`: what its processes share
inline constexpr const char* staged_control_name = ".control-new";  // while that is written anew
inline constexpr const char* journal_name = ".journal";             // layout `files`: synced batches
inline constexpr const char* writers_name = ".writers";             // layout `files`: the last batch of each writer
inline constexpr const char* mended_name = ".mended";               // a file that is written anew, to take its place
inline constexpr const char* attributes_name = ".attributes";       // of the dataset itself (attribute_file.hpp)
/// What a repair could not read of them.
inline constexpr const char* damaged_attributes_name = ".attributes.damaged";
/// The journal of a buffer (layer/buffered/buffer_journal.hpp), and what of it a repair could not hand down.
inline constexpr std::array<const char*, 2> buffer_journal_names = {".buffer-0", ".buffer-1"};
inline constexpr std::array<const char*, 2> damaged_buffer_names = {".buffer-0.damaged", ".buffer-1.damaged"};

/// One of them, and what is done with it.
struct OwnName {
  /// When a directory that has no marker, or that of which the marker is gone, is made a dataset (adopt).
  enum class Adopted {
    refused,     ///< the directory is a dataset already
    taken_over,  ///< the layout goes on with what it says, or hands it down
    kept,
    removed,  ///< of a process that is gone
  };
  /// When the dataset is destroyed, or swept.
  enum class Destroyed {
    at_once,
    with_directory,  ///< once that has another name: until then the destroy can be called again
  };
  /// When a copy of the dataset by hard links is made one of its own (layout/files/linked_files.hpp).
  enum class Separated {
    copied,   ///< it is written to in place, and what it says holds for the copy
    renewed,  ///< another takes its place
    removed,
    kept,
  };

  const char* name;
  Adopted adopted;
  Destroyed destroyed;
  Separated separated;
  bool is_copied_before_write;  ///< if it has another name, too: it is written to in place, which would show there
};

/// All of them, in the order in which a destroy removes them. A name that begins with a dot and is not among them is
/// nobody's: create refuses to adopt it, destroy to remove it, and verify names it.
[[nodiscard]] std::span<const OwnName> own_names() noexcept;

/// nullptr for what is none.
[[nodiscard]] const OwnName* find_own_name(std::string_view name) noexcept;

/// What stands in the directory, begins with a dot and is no own name.
[[nodiscard]] std::vector<std::string> foreign_dot_names(const Directory& directory);

/// Those that must be copied before they are written to, since they have another name, though the control file may have
/// none: backups by `rsync --link-dest` share what had not changed in between, `hardlink` what is equal. Two datasets
/// would have one journal, or one table of writers. A lock that is shared stays: the datasets wait for each other, but
/// who has it open would go on with the one that was replaced.
[[nodiscard]] std::vector<std::string> shared_own_names(const Directory& directory);

}  // namespace accrete
