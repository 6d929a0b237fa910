// Handing down what a buffer that died has left in its journal, for who opens the dataset next.
#pragma once

#include "dataset/layer_recovery.hpp"

namespace accrete {

[[nodiscard]] const LayerRecovery& buffer_recovery() noexcept;

}  // namespace accrete
