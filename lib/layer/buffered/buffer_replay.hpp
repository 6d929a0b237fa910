// Replaying what a buffer that died has left in its journal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataset/dataset.hpp"
#include "dataset/layer_recovery.hpp"
#include "layer/buffered/buffer_records.hpp"

namespace accrete {

struct BufferReplay {
  std::vector<std::string> misfits{};  ///< what is damaged or does not fit, a sentence each
  /// Of entries that are whole, but of which it is not known whether they are in the value, or where they belong.
  struct NotHandedDown {
    std::uint64_t keys = 0;
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
  };
  NotHandedDown not_handed_down{};
};

/// Hands down what the journal holds and the dataset, which is as a LayerRecovery gets it, does not.
///
/// What stands after damage, and has no place, is appended if it is certain that nothing of it is in the value. A
/// value gets whole entries, in their order: so if it has some of them, it ends with the first ones. After power loss
/// it may end within one, unless all was synced.
BufferReplay replay_buffer_journal(OwnedDataset& dataset, BufferRecords& records, Misfit misfit);

/// What is damaged or does not fit, a sentence each. Changes nothing.
[[nodiscard]] std::vector<std::string> check_buffer_journal(OwnedDataset& dataset, BufferRecords& records);

}  // namespace accrete
