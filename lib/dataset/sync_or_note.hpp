// Syncs whose failure outlives them.
#pragma once

#include <accrete/error.hpp>

namespace accrete {

/// Syncs a file, a directory or several files. The kernel tells of what it could not write once, so a failure is noted
/// for all who sync later.
template <typename Synced, typename Note>
void sync_or_note(Synced&& what, const Note& note_failed_sync) {
  try {
    what.sync();
  } catch (const Error&) {
    note_failed_sync();
    throw;
  }
}

}  // namespace accrete
