// An open dataset of the `files` layout.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>

#include "dataset/layout.hpp"

namespace accrete {

[[nodiscard]] std::unique_ptr<Dataset> open_files(Env& env, DatasetDirectory dataset, const OpenOptions& options);

[[nodiscard]] std::unique_ptr<OwnedDataset> open_owned_files(Env& env, DatasetDirectory dataset,
                                                             const OpenOptions& options);

}  // namespace accrete
