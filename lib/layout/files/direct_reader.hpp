// Reads the files of a dataset that another process has for itself, without its lock.
#pragma once

#include <memory>

#include "dataset/layout.hpp"

namespace accrete {

/// nullptr where this process may not read the dataset.
[[nodiscard]] std::unique_ptr<DirectReader> try_open_files_directly(DatasetDirectory dataset);

}  // namespace accrete
