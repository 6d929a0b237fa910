// Checking a dataset of the `files` layout, and mending what can be mended without touching a value.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>

#include "dataset/layer_recovery.hpp"
#include "os/env.hpp"

namespace accrete {

[[nodiscard]] VerifyReport verify_files(Env& env, const std::shared_ptr<Directory>& directory,
                                        const LayerRecovery& layers, const VerifyOptions& options);

}  // namespace accrete
