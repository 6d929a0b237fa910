// Replaying what a buffer that died has left in its journal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataset/names.hpp"
#include "layout/files/control.hpp"
#include "layout/files/files_parts.hpp"
#include "layout/files/files_writer.hpp"

namespace accrete {

/// What to do where the journal is damaged, or does not fit the values.
enum class Misfit {
  refuse,    ///< change nothing
  set_aside  ///< hand down what is whole and fits, and keep the journal's files under damaged_buffer_names
};

struct BufferReplay {
  std::vector<std::string> misfits{};  ///< what is damaged or does not fit, a sentence each
  /// Of entries that are whole, but of which it is not known whether they are in the value, or where they belong.
  struct NotHandedDown {
    std::uint64_t keys = 0;
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
  };
  NotHandedDown not_handed_down{};
};

/// Hands down what the journal holds and the dataset does not, and leaves the dataset unbuffered. Needs the lock
/// exclusively, and a dataset that needs no recovery; brings `words` up to date. Can be killed at any moment and called
/// again. Throws CorruptionError, having changed nothing, for a misfit that is to be refused.
///
/// What stands behind damage, and has no place, is appended if it is certain that nothing of it is in the value. A
/// value gets whole entries, in their order: so if it has some of them, it ends with the first ones. After power loss
/// it may end within one, unless all was synced.
BufferReplay replay_buffer_journal(FilesParts& parts, FilesWriter& writer, ControlWords& words, Misfit misfit);

/// For what reason `replay_buffer_journal` would refuse, a sentence each. Changes nothing. Needs the lock shared, and a
/// dataset that needs no recovery.
[[nodiscard]] std::vector<std::string> check_buffer_journal(FilesParts& parts);

}  // namespace accrete
