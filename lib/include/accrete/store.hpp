// The Store interface and the types of its calls. What a store keeps its bytes in is behind the factories of
// accrete.hpp.
#pragma once

#include <accrete/batch_id.hpp>
#include <accrete/export.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

/// Keys have 1 to this many bytes, of any value.
inline constexpr std::size_t max_key_size = 1024;

/// One append to one key. Borrowed for the call.
struct Entry {
  std::string_view key, bytes;
};

/// What an entry takes of Store::max_batch_bytes besides its key and its bytes.
inline constexpr std::size_t entry_overhead = 8;

struct AppendOptions {
  /// The whole batch, and all that was appended to the dataset before it, survives power loss when the call
  /// returns: one group commit.
  bool sync = false;
  /// For one-entry batches: append only if the value has this many bytes, else throw SizeMismatchError. 0 asks that
  /// the key has never been appended to.
  std::optional<std::uint64_t> expect_size{};
  /// Apply the batch only if its sequence is above every one that its writer has had applied; otherwise the call does
  /// nothing and succeeds. Checked before expect_size.
  std::optional<BatchId> id{};
};

struct KeySize {
  std::string key;
  std::uint64_t size = 0;  ///< bytes

  friend bool operator==(const KeySize&, const KeySize&) = default;
};

struct ListOptions {
  std::string_view prefix{};                ///< only keys that begin with this
  std::optional<std::string_view> after{};  ///< only keys after this one in byte order
  std::optional<std::size_t> limit{};       ///< at most this many keys
};

struct Stats {
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;           ///< of all values together
  std::uint64_t stored_bytes = 0;    ///< that they take at the bottom: compressed, and without what is buffered
  std::uint64_t buffered_bytes = 0;  ///< of these, in memory and not yet handed down
  std::uint64_t flushes = 0;         ///< how often a buffer has handed bytes down since it was opened
};

/// Names of attributes have 1 to this many bytes, each of A-Z a-z 0-9 _ . -
inline constexpr std::size_t max_attribute_name_size = 64;
/// The value of an attribute has at most this many bytes.
inline constexpr std::size_t max_attribute_size = std::size_t{256} << 10;
/// All attributes of a dataset together have at most this many bytes, with their names.
inline constexpr std::size_t max_attributes_size = std::size_t{1} << 20;

/// What Store::set_attribute expects; it takes no more than one of them.
struct AttributeOptions {
  bool expect_none = false;                        ///< set it only if there is none
  std::optional<std::string_view> expect_value{};  ///< set it only if its value is this
};

/// An appendable key → bytes store.
///
/// Any number of threads may call any of its functions at once. A function either does all that it says or throws an
/// Error and changes nothing, unless its comment says otherwise. A key must have 1 to `max_key_size` bytes
/// (InvalidKeyError). Destroying a store flushes nothing that an append has not handed down already.
class ACCRETE_API Store {
 public:
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Appends `bytes` to the value of `key`. Empty bytes bring an empty value into being.
  void append(std::string_view key, std::string_view bytes);

  /// Appends all entries, in their order, or none of them.
  void append_batch(std::span<const Entry> entries, const AppendOptions& options = {});

  /// How large a batch may be: the bytes of its entries and of their keys, and `entry_overhead` for each. The highest
  /// number that there is where the store sets no limit; append_batch may throw TooLargeError for a larger one.
  [[nodiscard]] std::uint64_t max_batch_bytes() const;

  /// The whole value; empty for a missing key. Throws TooLargeError when it does not fit into memory.
  [[nodiscard]] std::string get(std::string_view key) const;

  /// The values of all keys as they were at one moment, in the order of `keys`.
  [[nodiscard]] std::vector<std::string> get_batch(std::span<const std::string_view> keys) const;

  /// Up to `size` bytes of the value from `offset` on: fewer where the value ends before, none after its end.
  [[nodiscard]] std::string get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const;

  /// As above, up to `to.size()` bytes, copied to the front of `to`. Returns how many. After an error, what `to` holds
  /// is unspecified. A dataset of files reads to there without a copy in between.
  [[nodiscard]] std::size_t get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const;

  /// Bytes in the value; nullopt for a key that was never appended to (or erased since).
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key) const;

  /// Keys in byte order, with the sizes of their values, as they were at one moment.
  [[nodiscard]] std::vector<KeySize> list(const ListOptions& options = {}) const;

  /// A number that changes when keys are erased or dropped, and may change at other times. Where two calls return the
  /// same, values have only grown between them: what was read of a value in several steps belongs together.
  [[nodiscard]] std::uint64_t removals() const;

  /// Totals, at a cost that does not depend on how many keys there are, but for compressed stores, which pass over the
  /// frames of all values.
  [[nodiscard]] Stats stats() const;

  /// The highest sequence applied for a writer; nullopt if there is none. Where a writer goes on after a restart.
  [[nodiscard]] std::optional<std::uint64_t> last_sequence(const WriterId& writer) const;

  /// Removes one key and its value; does nothing for a missing key.
  void erase(std::string_view key);

  /// Hands all bytes down, to the operating system at the bottom: they then survive the death of this process.
  void flush();

  /// Makes all that was appended before survive power loss. Throws ReadOnlyError if others have appended since the last
  /// sync and this process may only read: it could not tell them that a sync has failed.
  void sync();

  /// The value of an attribute, which is of the dataset itself and not of a key; nullopt if there is none. Throws
  /// InvalidArgumentError for what is no name of one.
  [[nodiscard]] std::optional<std::string> attribute(std::string_view name) const;

  /// The names of all attributes, in byte order.
  [[nodiscard]] std::vector<std::string> attributes() const;

  /// Gives an attribute this value, or removes it (nullopt), whole and at once. Returns false, having changed nothing,
  /// if it is not what the options expect: of several who set it with `expect_none`, one gets true. When the call
  /// returns, the attribute of a dataset survives power loss; if it throws IoError because that could not be synced,
  /// the attribute may have been set. Throws InvalidArgumentError for what is no name of one, and TooLargeError for
  /// what exceeds `max_attribute_size` or `max_attributes_size`.
  bool set_attribute(std::string_view name, std::optional<std::string_view> value,
                     const AttributeOptions& options = {});

  /// Removes all keys; the dataset stays, with its attributes and the sequences of its writers. A drop that fails
  /// half-way is completed by the next call on the dataset.
  void drop();

 protected:
  Store() = default;

 private:
  virtual void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) = 0;
  /// No limit, if it is not overridden.
  [[nodiscard]] virtual std::uint64_t do_max_batch_bytes() const;
  [[nodiscard]] virtual std::string do_get(std::string_view key) const = 0;
  [[nodiscard]] virtual std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const = 0;
  [[nodiscard]] virtual std::string do_get_range(std::string_view key, std::uint64_t offset,
                                                 std::uint64_t size) const = 0;
  [[nodiscard]] virtual std::size_t do_get_range_into(std::string_view key, std::uint64_t offset,
                                                      std::span<char> to) const;
  [[nodiscard]] virtual std::optional<std::uint64_t> do_size(std::string_view key) const = 0;
  [[nodiscard]] virtual std::vector<KeySize> do_list(const ListOptions& options) const = 0;
  [[nodiscard]] virtual std::uint64_t do_removals() const = 0;
  [[nodiscard]] virtual Stats do_stats() const = 0;
  [[nodiscard]] virtual std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const = 0;
  [[nodiscard]] virtual std::optional<std::string> do_attribute(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<std::string> do_attributes() const = 0;
  virtual bool do_set_attribute(std::string_view name, std::optional<std::string_view> value,
                                const AttributeOptions& options) = 0;
  virtual void do_erase(std::string_view key) = 0;
  virtual void do_flush() = 0;
  virtual void do_sync() = 0;
  virtual void do_drop() = 0;
};

}  // namespace accrete
