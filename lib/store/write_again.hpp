// Writing all that a dataset holds once more, after a sync that has failed.
#pragma once

#include <cstdint>

#include "os/env.hpp"

namespace accrete {

/// Reads every file of a dataset, whose lock the caller has exclusively, and writes the same bytes over it, so that
/// what the page cache has and a failed sync has not written gets to the disk; then syncs. Throws IoError if that fails
/// again, or if a file is larger than `file_size_limit` (RLIMIT_FSIZE). What the system has dropped from the page cache
/// meanwhile cannot be brought back.
void write_all_again(Directory& directory, std::uint64_t file_size_limit);

}  // namespace accrete
