// Removing something where a dead buffer's journal cannot be handed down first, since the disk is full.
#pragma once

#include <optional>
#include <string_view>

#include "dataset/dataset.hpp"

namespace accrete {

/// Removes a key, or all if there is none, and has the journal say so, as its buffer would have done: a replay then
/// leaves out what was removed. False, having changed nothing, if it is not certain where the journal ends. The dataset
/// is as a LayerRecovery gets it.
[[nodiscard]] bool try_remove_before_replay(OwnedDataset& dataset, std::optional<std::string_view> key);

}  // namespace accrete
