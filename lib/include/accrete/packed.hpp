// Packed<T>: items of any type that msgpack-cxx can adapt, as MessagePack in the values of any store. The value's
// format is in accrete/packed_items.hpp. The headers of msgpack-cxx 4 or newer are needed where this one is included,
// and those of Boost, which they include (Debian: libmsgpack-cxx-dev).
#pragma once

#include <accrete/packed_adaptors.hpp>
#include <accrete/packed_detail.hpp>
#include <accrete/packed_items.hpp>
#include <accrete/packed_objects.hpp>
#include <accrete/packed_packer.hpp>
#include <array>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <msgpack.hpp>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace accrete {

namespace packed_detail {

/// What the compiler calls T, in the text of this function's own name.
template <typename T>
const char* text_with_type() {
  return __PRETTY_FUNCTION__;
}

template <typename T>
std::string type_name() {
  const std::string_view text = text_with_type<T>();
  const std::size_t begin = text.find("T = ") + 4;
  return std::string(text.substr(begin, text.rfind(']') - begin));
}

/// False for what points to bytes that are gone once an item is read, and for containers of that.
template <typename T>
inline constexpr bool owns_bytes = !std::is_pointer_v<T> && !std::is_reference_v<T>;
template <typename Character, typename Traits>
inline constexpr bool owns_bytes<std::basic_string_view<Character, Traits>> = false;
template <typename Element, std::size_t extent>
inline constexpr bool owns_bytes<std::span<Element, extent>> = false;
template <>
inline constexpr bool owns_bytes<msgpack::object> = false;
template <>
inline constexpr bool owns_bytes<msgpack::type::raw_ref> = false;
template <>
inline constexpr bool owns_bytes<msgpack::type::v4raw_ref> = false;
template <>
inline constexpr bool owns_bytes<msgpack::type::ext_ref> = false;
template <typename Referred>
inline constexpr bool owns_bytes<msgpack::type::array_ref<Referred>> = false;
template <typename Referred>
inline constexpr bool owns_bytes<std::reference_wrapper<Referred>> = false;
template <typename Element, std::size_t size>
inline constexpr bool owns_bytes<std::array<Element, size>> = owns_bytes<Element>;
template <template <typename...> class Container, typename... Elements>
inline constexpr bool owns_bytes<Container<Elements...>> = (owns_bytes<Elements> && ...);

}  // namespace packed_detail

/// Items of type T in the values of a store.
///
/// T is whatever msgpack-cxx can adapt: a struct with MSGPACK_DEFINE or MSGPACK_DEFINE_MAP, containers, std::optional,
/// msgpack::type::variant, std::chrono's time points, and what a program has written an adaptor for. It must own its
/// bytes: a std::string_view would point to memory that is gone. Safe for any number of threads, as the store is.
///
/// Floats are stored as floats, whole or not: -0.0 and a double's NaN keep their bits.
///
/// An item that cannot be a T is TypeMismatchError, which names the key, the item's number from 1 on, and both types.
/// So is a time that T cannot hold: std::chrono::system_clock's own time points end in the years 1678 and 2261.
///
/// Limitations: what fits a T is up to msgpack-cxx's adaptors. That of MSGPACK_DEFINE takes an array with fewer or more
/// elements than it names; give the members values, which those that an item lacks keep. Arrays of
/// fixed size, std::pair and tuples take as many elements as they have. Whether the members of a struct own their bytes
/// is not checked. A time point that counts in coarser steps than what is stored loses the rest. See
/// accrete/packed_adaptors.hpp, too, where a program uses msgpack-cxx itself.
template <typename T>
class Packed {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>);
  static_assert(packed_detail::owns_bytes<T>, "T would point to memory that is gone when the item is read");

 public:
  class Reader;

  /// Items for one key. Borrowed for the call.
  struct Entry {
    std::string_view key;
    std::span<const T> items;
  };

  /// Throws InvalidArgumentError for limits that make no sense.
  explicit Packed(std::unique_ptr<Store> store, const PackedLimits& limits = {})
      : owned_(std::move(store)), store_(owned_.get()), limits_(checked(limits)) {}
  /// `store` is borrowed.
  explicit Packed(Store& store, const PackedLimits& limits = {}) : store_(&store), limits_(checked(limits)) {}

  /// What the items are in: for list, erase, sync and all else.
  [[nodiscard]] Store& store() const noexcept { return *store_; }

  void append(std::string_view key, const T& item, const AppendOptions& options = {}) {
    append_items(key, {&item, 1}, options);
  }

  /// Appends all items, or none. Without any, the value comes into being, empty.
  void append_items(std::string_view key, std::span<const T> items, const AppendOptions& options = {}) {
    const Entry entry{key, items};
    append_batch({&entry, 1}, options);
  }

  /// Appends all items of all entries, or none. AppendOptions::expect_size counts bytes.
  void append_batch(std::span<const Entry> entries, const AppendOptions& options = {}) {
    packed_detail::Packer packer(limits_);
    if (entries.size() == 1) {
      pack(packer, entries[0]);
      const accrete::Entry packed{entries[0].key, packer.bytes()};
      store_->append_batch({&packed, 1}, options);
      return;
    }
    std::vector<accrete::Entry> packed;
    packed_detail::within_memory("append the items of key", entries.empty() ? "" : entries[0].key,
                                 [&] { packed = pack_all(packer, entries); });
    store_->append_batch(packed, options);
  }

  /// All items of a key, in the order in which they were appended; none for a missing key.
  [[nodiscard]] std::vector<T> get(std::string_view key) const {
    packed_detail::Objects objects;
    return items_of(key, store_->get(key), objects);
  }

  /// The items of all keys as they were at one moment, in the order of `keys`.
  [[nodiscard]] std::vector<std::vector<T>> get_batch(std::span<const std::string_view> keys) const {
    const std::vector<std::string> values = store_->get_batch(keys);
    packed_detail::Objects objects;
    std::vector<std::vector<T>> batch;
    packed_detail::within_memory("read the items of key", keys.empty() ? "" : keys[0],
                                 [&] { batch.resize(values.size()); });
    for (std::size_t i = 0; i < values.size(); ++i) batch[i] = items_of(keys[i], values[i], objects);
    return batch;
  }

  /// Reads the items of a key one at a time, those that there are now, without holding the value in memory. Throws
  /// ErasedError if the value is erased meanwhile; see PackedItems.
  [[nodiscard]] Reader reader(std::string_view key) const { return Reader(*store_, key, limits_); }

 private:
  using Cause = packed_detail::Cause;

  static PackedLimits checked(const PackedLimits& limits) {
    static_cast<void>(PackedItems(std::string_view(), {}, limits));
    return limits;
  }

  std::vector<accrete::Entry> pack_all(packed_detail::Packer& packer, std::span<const Entry> entries) const {
    std::vector<std::size_t> ends;
    ends.reserve(entries.size());
    for (const Entry& entry : entries) {
      pack(packer, entry);
      ends.push_back(packer.bytes().size());
    }
    std::vector<accrete::Entry> packed;
    packed.reserve(entries.size());
    for (std::size_t i = 0, begin = 0; i < entries.size(); begin = ends[i++]) {
      packed.push_back({entries[i].key, packer.bytes().substr(begin, ends[i] - begin)});
    }
    return packed;
  }

  void pack(packed_detail::Packer& packer, const Entry& entry) const {
    packer.begin_entry(entry.key);
    try {
      packer.add(entry.items);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw_unpackable(entry.key, packer.number(), error);
    }
  }

  [[noreturn]] static void throw_unpackable(std::string_view key, std::uint64_t number, const std::exception& error) {
    const bool is_large = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                          dynamic_cast<const msgpack::container_size_overflow*>(&error) != nullptr;
    packed_detail::throw_packing_error(key, number, packed_detail::type_name<T>(),
                                       is_large ? Cause::memory : Cause::type, error.what());
  }

  std::vector<T> items_of(std::string_view key, std::string_view value, packed_detail::Objects& objects) const {
    std::vector<T> items;
    packed_detail::within_memory("read the items of key", key, [&] {
      PackedItems packed(value, key, limits_);
      while (std::optional<T> item = next_item(packed, objects)) items.push_back(std::move(*item));
    });
    return items;
  }

  static std::optional<T> next_item(PackedItems& items, packed_detail::Objects& objects) {
    const std::string_view bytes = items.next();
    if (bytes.empty()) return std::nullopt;
    try {
      return item_of(objects.read(bytes, items.objects()));
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw_unreadable(items, bytes, Cause::memory, {});
    } catch (const msgpack::type_error&) {
      throw_unreadable(items, bytes, Cause::type, {});
    } catch (const std::exception& error) {
      throw_unreadable(items, bytes, Cause::type, error.what());
    }
  }

  [[noreturn]] static void throw_unreadable(const PackedItems& items, std::string_view bytes, Cause cause,
                                            std::string_view what) {
    packed_detail::throw_unpacking_error(items, bytes, packed_detail::type_name<T>(), cause, what);
  }

  static T item_of(const msgpack::object& object) {
    if constexpr (std::default_initializable<T>) {
      T item{};  // as() would leave what an item lacks uninitialised, and look for elements that an array lacks
      object.convert(item);
      return item;
    } else {
      return object.as<T>();
    }
  }

  std::unique_ptr<Store> owned_;
  Store* store_;
  PackedLimits limits_;
};

/// A range for one pass, `for (const Row& row : rows.reader("k"))`, or a loop over next(). For one thread at a time;
/// the store must outlive it.
template <typename T>
class Packed<T>::Reader {
 public:
  class Iterator {
   public:
    // The names that the standard library asks for:
    using iterator_concept = std::input_iterator_tag;  // NOLINT(readability-identifier-naming)
    using difference_type = std::ptrdiff_t;            // NOLINT(readability-identifier-naming)
    using value_type = T;                              // NOLINT(readability-identifier-naming)

    explicit Iterator(Reader& reader) : reader_(&reader) {}

    T& operator*() const noexcept { return *reader_->current_; }
    Iterator& operator++() {
      reader_->current_ = reader_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) noexcept { return at.is_at_end(); }

   private:
    [[nodiscard]] bool is_at_end() const noexcept { return !reader_->current_; }

    Reader* reader_;
  };

  /// nullopt after the last.
  [[nodiscard]] std::optional<T> next() { return next_item(items_, objects_); }

  /// Goes on after the items that were read.
  [[nodiscard]] Iterator begin() {
    Iterator at(*this);
    return ++at;
  }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

 private:
  friend class Packed;
  Reader(const Store& store, std::string_view key, const PackedLimits& limits) : items_(store, key, limits) {}

  PackedItems items_;
  packed_detail::Objects objects_;
  std::optional<T> current_;
};

}  // namespace accrete
