// What a layer over a dataset has left in its directory when its process died, such as the journal of a buffer. A
// layout does not know what it is, only that it must be handed down before anybody else uses the dataset.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/dataset.hpp"

namespace accrete {

/// What to do where something is damaged, or does not fit the values.
enum class Misfit {
  refuse,    ///< change nothing
  set_aside  ///< hand down what is whole and fits, and keep the files under other names (dataset/names.hpp)
};

/// Stateless. Where a function is given a dataset, that is for its caller alone as long as the call takes, and needs no
/// recovery itself; its changing functions are whole or not at all.
class LayerRecovery {
 public:
  LayerRecovery() = default;
  virtual ~LayerRecovery() = default;
  LayerRecovery(const LayerRecovery&) = delete;
  LayerRecovery& operator=(const LayerRecovery&) = delete;

  /// What it is that may be left, to go on with: "a buffer died, …".
  [[nodiscard]] virtual std::string_view what() const noexcept = 0;
  /// The names of its files, to go on with.
  [[nodiscard]] virtual std::string files() const = 0;

  /// Whether there may be something to be handed down, by the files alone.
  [[nodiscard]] virtual bool is_due(Directory& directory) const = 0;

  /// For what reason `recover` would refuse, a sentence each. Changes nothing; the dataset may be one that can only be
  /// read.
  [[nodiscard]] virtual std::vector<std::string> check(OwnedDataset& dataset) const = 0;

  struct Report {
    std::vector<std::string> misfits{};  ///< what is damaged or does not fit, a sentence each
    std::string not_recovered{};         ///< what was not handed down, a sentence; empty if there are no misfits
  };
  /// Hands down what the dataset does not have yet. Can be killed at any moment and called again. Throws
  /// CorruptionError, having changed nothing, for a misfit that is to be refused. The caller then has the dataset
  /// forget that there was something, and calls `remove_files`.
  virtual Report recover(OwnedDataset& dataset, Misfit misfit) const = 0;

  virtual void remove_files(Directory& directory) const = 0;

  /// Removes a key, or all if there is none, before anything is handed down, which the disk may have no room for.
  /// False, having changed nothing, if that cannot be told to who hands down later.
  [[nodiscard]] virtual bool try_remove(OwnedDataset& dataset, std::optional<std::string_view> key) const = 0;
};

}  // namespace accrete
