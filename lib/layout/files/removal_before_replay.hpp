// Removing something where a dead buffer's journal cannot be handed down first, since the disk is full.
#pragma once

#include "layout/files/buffer_journal.hpp"
#include "layout/files/control.hpp"
#include "layout/files/files_parts.hpp"
#include "layout/files/files_writer.hpp"

namespace accrete {

/// Does what a step of that kind says, and has the journal say so, as its buffer would have done: a replay then leaves
/// out what was removed. `removal` has no number. False, having changed nothing, if it is not certain where the journal
/// ends. Needs the lock exclusively, and a dataset that needs no recovery; brings `words` up to date.
[[nodiscard]] bool try_remove_before_replay(FilesParts& parts, FilesWriter& writer, ControlWords& words,
                                            const BufferStep& removal);

}  // namespace accrete
