// An open dataset, as its layout has it, and what the layers over it and a server need to know of it.
#pragma once

#include <accrete/store.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/attribute_file.hpp"
#include "dataset/marker.hpp"
#include "os/env.hpp"

namespace accrete {

/// The bytes of a dataset: of one with a codec, the frames.
class Dataset : public Store {
 public:
  [[nodiscard]] virtual const Marker& marker() const noexcept = 0;

  /// A sync of a file of the dataset has failed: no sync of the dataset counts until a repair has written all again.
  virtual void note_failed_sync() noexcept = 0;

  /// Throws if one has. Without the lock.
  virtual void check_no_sync_failed() const = 0;

 private:
  // Both run what they are given under the dataset's lock, and throw as the other calls do if the dataset is gone, or
  // may not be written to.
  virtual void with_shared_lock(const std::function<void(Directory&)>& read) const = 0;
  virtual void with_exclusive_lock(const std::function<void(Directory&)>& change) = 0;

  [[nodiscard]] std::optional<std::string> do_attribute(std::string_view name) const final {
    std::optional<std::string> value;
    with_shared_lock([&](Directory& directory) { value = load_attributes(directory).value(name); });
    return value;
  }

  [[nodiscard]] std::vector<std::string> do_attributes() const final {
    std::vector<std::string> names;
    with_shared_lock([&](Directory& directory) { names = load_attributes(directory).names(); });
    return names;
  }

  bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                        const AttributeOptions& options) final {
    bool is_set = false;
    with_exclusive_lock([&](Directory& directory) {
      check_no_sync_failed();
      is_set = change_attribute(directory, name, value, options, [this] { note_failed_sync(); });
    });
    return is_set;
  }
};

/// A dataset that nobody else can use as long as this object lives.
class OwnedDataset : public Dataset {
 public:
  [[nodiscard]] virtual Directory& directory() noexcept = 0;

  /// Whether values lie as they are in files of their own, which a DirectReader can read.
  [[nodiscard]] virtual bool has_readable_values() const noexcept { return false; }

  /// Takes back or completes what a change that failed has left. Throws where that cannot be done now: then nobody
  /// knows yet what has become of it.
  virtual void end_unfinished_change() = 0;

  /// Bytes of a value as it is stored; nullopt if there is none. Without the lock: nothing may be changing the value,
  /// and what a change that failed has left of it must have been taken back.
  [[nodiscard]] virtual std::optional<std::uint64_t> stored_size(std::string_view key) const = 0;

  /// The last sequence of each client's session that is remembered, by the session's writer.
  [[nodiscard]] virtual std::vector<BatchId> session_sequences() const = 0;

  /// What tells whether writers have been forgotten since (base/own_writer.hpp).
  [[nodiscard]] virtual std::uint64_t forgotten_writers() const = 0;

  /// What the writers of clients' sessions are made with.
  [[nodiscard]] virtual std::uint64_t session_secret() = 0;

  /// No batch of this writer will come again: `last` was the last.
  virtual void forget_writer(const BatchId& last) = 0;

  /// Throws IoError if a key's value, or of no key any, is sure not to be removable.
  virtual void check_removable(std::optional<std::string_view> key) const = 0;

  /// Whether a layer of the owner keeps something in the directory. If the owner dies with it, the next to open the
  /// dataset hands it down (layer_recovery.hpp).
  virtual void set_layered(bool layered) = 0;

  /// Whether a sync of a file of the dataset has failed. Without the lock.
  [[nodiscard]] virtual bool has_failed_sync() const = 0;
};

/// What the owner of a dataset knows of some values at one moment: each is the first `in_file` bytes of its file, and
/// then `rest`.
struct LocatedValues {
  struct Value {
    std::uint64_t in_file = 0;  ///< 0 as well for what is not worth a file to be opened for
    std::string rest{};
  };

  std::array<std::byte, 16> dataset{};  ///< its UUID
  std::uint64_t removals = 0;           ///< the files are these as long as the dataset's is the same
  std::vector<Value> values{};
};

/// Reads the values of a dataset that another process has for itself, without its lock. For any number of threads. Only
/// for processes that share a page cache with the owner, which are those of its host.
class DirectReader {
 public:
  virtual ~DirectReader() = default;
  DirectReader(const DirectReader&) = delete;
  DirectReader& operator=(const DirectReader&) = delete;

  /// The values of the keys as the owner has located them; nullopt if they may be others by now, or cannot be read:
  /// then the owner has to be asked for their bytes. Throws TooLargeError for what does not fit into memory.
  [[nodiscard]] virtual std::optional<std::vector<std::string>> try_read(std::span<const std::string_view> keys,
                                                                         LocatedValues located) const = 0;

  /// False once it has been found that this process may not read the values, or that the owner has another dataset.
  [[nodiscard]] virtual bool is_of_use() const noexcept = 0;

 protected:
  DirectReader() = default;
};

}  // namespace accrete
