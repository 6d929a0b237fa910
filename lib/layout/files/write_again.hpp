// Writing all that a dataset holds once more, after a sync that has failed.
#pragma once

#include "os/env.hpp"

namespace accrete {

/// Writes what a failed sync has not written, from the page cache to the disk: a copy takes the place of each value, so
/// that what the file system knows of it is written anew, too; the dataset's own files, which processes share, are
/// written over with the same bytes. Then syncs. Needs the lock exclusively; others must open the values' files anew.
/// Throws IoError if that fails again. What the system has dropped from the page cache meanwhile cannot be brought
/// back.
void write_all_again(Directory& directory);

}  // namespace accrete
