// The two kinds of SharedBytes (see env.hpp).
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "os/env.hpp"

namespace accrete {

/// The bytes from `offset` on; every read and write is a system call.
[[nodiscard]] std::unique_ptr<SharedBytes> written_bytes(std::unique_ptr<File> file, std::uint64_t offset);

/// The page cache of a stretch of the open file `file`, whose descriptor is `fd`, mapped.
[[nodiscard]] std::unique_ptr<SharedBytes> mapped_bytes(int fd, std::unique_ptr<File> file, const std::string& path,
                                                        const ByteRange& range, bool read_only);

}  // namespace accrete
