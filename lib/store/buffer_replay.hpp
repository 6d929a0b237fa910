// Replaying what a buffer that died has left in its journal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/control.hpp"
#include "store/files_parts.hpp"
#include "store/files_writer.hpp"

namespace accrete {

/// What to do where the journal is damaged, or does not fit the values.
enum class Misfit {
  refuse,    ///< change nothing
  set_aside  ///< hand down what is whole and fits, and keep the journal's files under damaged_buffer_names
};

/// Hands down what the journal holds and the dataset does not, and leaves the dataset unbuffered. Needs the lock
/// exclusively, and a dataset that needs no recovery; brings `words` up to date. Can be killed at any moment and called
/// again. Throws CorruptionError, having changed nothing, for a misfit that is to be refused. Returns what does not
/// fit, or is damaged, a sentence each.
std::vector<std::string> replay_buffer_journal(FilesParts& parts, FilesWriter& writer, ControlWords& words,
                                               Misfit misfit);

/// For what reason `replay_buffer_journal` would refuse, a sentence each. Changes nothing. Needs the lock shared, and a
/// dataset that needs no recovery.
[[nodiscard]] std::vector<std::string> check_buffer_journal(FilesParts& parts);

}  // namespace accrete
