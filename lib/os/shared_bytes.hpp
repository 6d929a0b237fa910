// The two kinds of SharedBytes (see env.hpp).
#pragma once

#include <cstddef>
#include <memory>

#include "os/env.hpp"

namespace accrete {

/// A copy in memory that `publish` writes to the file and `refresh` reads from it.
[[nodiscard]] std::unique_ptr<SharedBytes> written_bytes(std::unique_ptr<File> file, std::size_t size);

/// The page cache of an open file, mapped. The descriptor may be closed afterwards.
[[nodiscard]] std::unique_ptr<SharedBytes> mapped_bytes(int fd, const std::string& path, std::size_t size,
                                                        bool read_only);

}  // namespace accrete
