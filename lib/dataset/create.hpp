// Creating a dataset of any layout, and making one of a directory of values.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>
#include <string>

#include "dataset/layout.hpp"

namespace accrete {

/// It appears whole, at once. Throws ExistsError if there is anything at `path`.
void create_dataset(Env& env, const std::string& path, const CreateOptions& options, const Layout& layout);

/// A dataset whose marker says `temporary`, with an `.owner` that this process has locked when it appears at `path`.
/// Returns that lock; the dataset is alive as long as it is held.
[[nodiscard]] std::shared_ptr<DatasetLock> create_temporary_dataset(Env& env, const std::string& path,
                                                                    const Layout& layout);

/// What other files of a dataset are in the directory goes on, or is removed (names.hpp).
void adopt_dataset(Env& env, const std::string& path, const CreateOptions& options, const Layout& layout,
                   const LayerRecovery& layers);

}  // namespace accrete
