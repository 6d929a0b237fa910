// accrete: an appendable key → bytes store. The four functions, and the factories of stores.
#pragma once

#include <accrete/error.hpp>
#include <accrete/store.hpp>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

// A `url` is the path of a dataset's directory. Other schemes (`…://`) throw UnsupportedError.

struct CreateOptions {
  /// Make a dataset of a directory that exists and holds one raw file a key (such as partd leaves behind), keeping
  /// every byte. Refused with InvalidKeyError if a name in it is not the name of a key.
  bool adopt = false;
};

/// Creates an empty dataset. Throws ExistsError if there is anything at the path. Its parent must exist.
/// The dataset appears at once and whole, and survives power loss when the call returns.
void create(std::string_view url, const CreateOptions& options = {});

/// Appends each entry's bytes to its key, all or none.
void put(std::string_view url, std::span<const Entry> entries, const AppendOptions& options = {});
void put(std::string_view url, std::initializer_list<Entry> entries, const AppendOptions& options = {});

/// The values of `keys`, in their order; a missing key's is empty.
[[nodiscard]] std::vector<std::string> get(std::string_view url, std::span<const std::string_view> keys);
[[nodiscard]] std::vector<std::string> get(std::string_view url, std::initializer_list<std::string_view> keys);

/// Removes the dataset and its directory. Refuses, having removed nothing, what is not a dataset, a symbolic link to
/// one, and a directory that holds files of others. One that was interrupted is completed by calling it again.
void destroy(std::string_view url);

struct OpenOptions {
  /// How long a call waits for another process or thread to release the dataset before it throws LockedError.
  std::chrono::milliseconds lock_timeout = std::chrono::minutes{1};
  /// Descriptors of values kept open for the next append; 0 takes half of what RLIMIT_NOFILE allows.
  std::size_t max_open_files = 0;
};

/// Opens a dataset. Rolls back what a writer that died left half done. A dataset that this process may read but not
/// write opens too; its changing calls throw ReadOnlyError.
[[nodiscard]] std::unique_ptr<Store> open(std::string_view url, const OpenOptions& options = {});

/// A store in this process's memory, for tests and as the reference of what a store does. `sync` and `flush` have
/// nothing to hand down; a forked child goes on with a copy of its own.
[[nodiscard]] std::unique_ptr<Store> memory_store();

/// A dataset that goes when this object does. The process that created it removes it, a forked child does not; if that
/// process dies first, `sweep` does.
class TemporaryDataset {
 public:
  TemporaryDataset(TemporaryDataset&&) noexcept;
  TemporaryDataset& operator=(TemporaryDataset&&) noexcept;
  ~TemporaryDataset();

  /// For `open` and the four functions, in this process or any other.
  [[nodiscard]] const std::string& url() const noexcept;

 private:
  friend TemporaryDataset create_temporary(std::string_view dir);
  class Owner;
  explicit TemporaryDataset(std::unique_ptr<Owner> owner) noexcept;
  std::unique_ptr<Owner> owner_;
};

/// Creates a dataset of a new name inside the directory `dir`.
[[nodiscard]] TemporaryDataset create_temporary(std::string_view dir);

/// Removes the temporary datasets in the directory `dir` whose owner is dead, and what interrupted creations left
/// there. Returns the paths of what it removed.
std::vector<std::string> sweep(std::string_view dir);

struct VerifyOptions {
  /// Roll back what a dead writer left half done, and recount the totals. Values are never changed otherwise.
  bool repair = false;
};

struct VerifyReport {
  std::vector<std::string> problems;  ///< a sentence each; empty: all is well
  std::vector<std::string> repairs;   ///< what `repair` has mended, a sentence each
  Stats counted;                      ///< keys and bytes as found, not as recorded
};

/// Checks all that can be checked of a dataset, under its lock, and changes nothing unless asked to.
[[nodiscard]] VerifyReport verify(std::string_view url, const VerifyOptions& options = {});

/// What stands in a dataset's marker.
struct DatasetInfo {
  std::uint32_t format_version = 0;
  std::string layout;
  std::string codec;
  std::string uuid;
};

[[nodiscard]] DatasetInfo info(std::string_view url);

}  // namespace accrete
