// Replaying what a buffer that died has left in its journal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "os/env.hpp"
#include "store/buffer_segment.hpp"
#include "store/control.hpp"
#include "store/files_parts.hpp"
#include "store/files_writer.hpp"

namespace accrete {

/// Hands down what the journal holds and the dataset does not, and leaves the dataset unbuffered. Needs the lock
/// exclusively; brings `words` up to date. Can be killed at any moment and called again. Throws CorruptionError, having
/// changed nothing, if the journal is damaged in its middle and that is not to be skipped. Returns how many
/// stretches of damage it has skipped.
std::uint64_t replay_buffer_journal(FilesParts& parts, FilesWriter& writer, ControlWords& words, const BootId& boot_id,
                                    Damage damage);

/// What is wrong with the journal, a sentence each. Changes nothing.
[[nodiscard]] std::vector<std::string> check_buffer_journal(Directory& directory, const BootId& boot_id);

}  // namespace accrete
