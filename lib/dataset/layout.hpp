// What a layout is to everybody else: a row of the table of layouts (api/layouts.hpp). A marker names it.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dataset/dataset.hpp"
#include "dataset/layer_recovery.hpp"
#include "os/env.hpp"
#include "os/process.hpp"

namespace accrete {

/// A dataset's directory, opened once, with its marker, and who hands down what the layers over it may have left there.
struct DatasetDirectory {
  std::shared_ptr<Directory> directory;
  Marker marker;
  const LayerRecovery& layers;
};

/// Stateless.
class Layout {
 public:
  Layout() = default;
  virtual ~Layout() = default;
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;

  /// As a marker has it.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// That of a buffer over it, if its user names none.
  [[nodiscard]] virtual Durability default_durability() const noexcept { return Durability::os; }

  // Creating: nobody else knows the directory yet, or its lock is held exclusively.

  /// Writes the files of an empty dataset, all but its marker and its lock.
  virtual void initialize(Env& env, Directory& directory) const = 0;

  /// Throws if not all that stands in the directory, besides own names (names.hpp), can be taken for values, of frames
  /// if there is a codec. Changes nothing.
  virtual void check_adoptable(Directory& directory, const std::optional<Codec>& codec) const;

  /// Makes a dataset of what stands in a directory: what a writer or a buffer that died has left half done is
  /// completed, and what is there is counted. The marker is written next.
  virtual void take_over(Env& env, const DatasetDirectory& dataset) const;

  /// The name of a new dataset could not be synced: no sync of it counts.
  virtual void note_failed_sync(Directory& directory) const = 0;

  // Opening

  [[nodiscard]] virtual std::unique_ptr<Dataset> open(Env& env, DatasetDirectory dataset,
                                                      const OpenOptions& options) const = 0;

  /// Throws LockedError if others use the dataset for longer than options.lock_timeout. In a forked child all of its
  /// calls throw that, too: the dataset is the parent's.
  [[nodiscard]] virtual std::unique_ptr<OwnedDataset> open_owned(Env& env, DatasetDirectory dataset,
                                                                 const OpenOptions& options) const = 0;

  /// For a dataset that another process has for itself; nullptr where this process cannot read its values, or none can.
  [[nodiscard]] virtual std::unique_ptr<DirectReader> try_open_directly(DatasetDirectory dataset) const;

  // Looking

  /// Its marker may be damaged.
  [[nodiscard]] virtual VerifyReport verify(Env& env, const std::shared_ptr<Directory>& directory,
                                            const LayerRecovery& layers, const VerifyOptions& options) const = 0;

  /// The process that has said last to have the dataset for itself; its number is 0 for none. nullopt if that cannot be
  /// told, since what says it is damaged. Without the lock.
  [[nodiscard]] virtual std::optional<Process> owner(Directory& directory) const = 0;

  /// What is wrong with the directory, if it shares files that are written to with the dataset that it is a copy of:
  /// its lock and its server are the original's.
  [[nodiscard]] virtual std::optional<std::string> describe_if_linked_copy(Directory& directory) const;

  // Destroying: with the lock held exclusively, and in this order.

  /// What stands in the directory and is no value, nor begins with a dot.
  [[nodiscard]] virtual std::optional<std::string> find_foreign(const Directory& directory) const = 0;

  /// Throws IoError if a value is sure not to be removable.
  virtual void check_removable(const Directory& directory) const = 0;

  /// Tells those who wait for the lock, or have the dataset open, that it is gone.
  virtual void mark_destroyed(Directory& directory) const = 0;

  virtual void remove_values(Directory& directory) const = 0;
};

/// The rows of a table.
using Layouts = std::span<const Layout* const>;

/// Throws InvalidArgumentError for a name that is not among `layouts`.
[[nodiscard]] const Layout& find_layout(std::string_view name, Layouts layouts);

/// That of a dataset in `directory`. Throws UnsupportedError if it is not among `layouts`.
[[nodiscard]] const Layout& layout_of(const Marker& marker, const Directory& directory, Layouts layouts);

/// Throws LockedError if the dataset's owner lives, for who has its lock all the same, as a lock that does not reach
/// this process. The owner keeps appends in its memory, and to hand down its journal would double them.
void refuse_living_owner(const Layout& layout, Directory& directory);
void refuse_living_owner(const Directory& directory, const Process& owner);

}  // namespace accrete
