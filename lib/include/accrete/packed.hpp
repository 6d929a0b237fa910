// Packed<T>: items of any type that msgpack-cxx can adapt, as MessagePack in the values of any store. The value's
// format is in accrete/packed_items.hpp. The only header that includes msgpack-cxx (4 or newer; Debian:
// libmsgpack-cxx-dev).
#pragma once

#include <accrete/packed_items.hpp>
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
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

/// The objects of one item, in memory that the next item uses again. Strings stay where the item is.
///
/// Some adaptors of msgpack-cxx look at the first element of an empty array, or of a short one at some before the
/// first: there is always an object.
class Objects : public msgpack::null_visitor {
 public:
  /// `item` consists of `count` objects.
  const msgpack::object& read(std::string_view item, std::uint64_t count) {
    const std::size_t needed = static_cast<std::size_t>(count) + objects_before;
    if (objects_.size() < needed) objects_.resize(std::max(needed, 2 * objects_.size()));
    next_ = objects_.data() + objects_before;
    open_.assign(1, next_++);
    timestamps_fit_ = true;
    std::size_t offset = 0;
    msgpack::parse(item.data(), item.size(), offset, *this);
    return objects_[objects_before];
  }

  /// Whether every timestamp in the item read last is one that the adaptors of std::chrono can take.
  [[nodiscard]] bool timestamps_fit() const noexcept { return timestamps_fit_; }

  bool visit_nil() {
    here().type = msgpack::type::NIL;
    return true;
  }
  bool visit_boolean(bool value) {
    here().type = msgpack::type::BOOLEAN;
    here().via.boolean = value;
    return true;
  }
  bool visit_positive_integer(std::uint64_t value) {
    here().type = msgpack::type::POSITIVE_INTEGER;
    here().via.u64 = value;
    return true;
  }
  bool visit_negative_integer(std::int64_t value) {
    if (value >= 0) return visit_positive_integer(static_cast<std::uint64_t>(value));
    here().type = msgpack::type::NEGATIVE_INTEGER;
    here().via.i64 = value;
    return true;
  }
  bool visit_float32(float value) {
    here().type = msgpack::type::FLOAT32;
    here().via.f64 = static_cast<double>(value);
    return true;
  }
  bool visit_float64(double value) {
    here().type = msgpack::type::FLOAT64;
    here().via.f64 = value;
    return true;
  }
  bool visit_str(const char* bytes, std::uint32_t size) {
    here().type = msgpack::type::STR;
    here().via.str = {size, bytes ? bytes : ""};
    return true;
  }
  bool visit_bin(const char* bytes, std::uint32_t size) {
    here().type = msgpack::type::BIN;
    here().via.bin = {size, bytes ? bytes : ""};
    return true;
  }
  /// `bytes` begin with the type, and `size` counts it.
  bool visit_ext(const char* bytes, std::uint32_t size) {
    here().type = msgpack::type::EXT;
    here().via.ext.ptr = bytes;
    here().via.ext.size = size - 1;
    if (here().via.ext.type() == -1) timestamps_fit_ &= timestamp_fits({bytes + 1, size - 1});
    return true;
  }
  bool start_array(std::uint32_t size) {
    here().type = msgpack::type::ARRAY;
    here().via.array = {size, take(size)};
    open_.push_back(here().via.array.ptr);
    return true;
  }
  bool start_map(std::uint32_t size) {
    msgpack::object* const inside = take(2 * std::size_t{size});
    here().type = msgpack::type::MAP;
    here().via.map = {size, reinterpret_cast<msgpack::object_kv*>(inside)};  // a pair of objects
    open_.push_back(inside);
    return true;
  }
  bool end_array_item() { return step(); }
  bool end_map_key() { return step(); }
  bool end_map_value() { return step(); }
  bool end_array() { return close(); }
  bool end_map() { return close(); }

 private:
  static constexpr std::size_t objects_before = 64;  // more than a tuple has elements

  msgpack::object& here() noexcept { return *open_.back(); }
  bool step() noexcept {
    ++open_.back();
    return true;
  }
  bool close() noexcept {
    open_.pop_back();
    return true;
  }
  msgpack::object* take(std::size_t count) noexcept {
    return count == 0 ? objects_.data() : std::exchange(next_, next_ + count);
  }

  std::vector<msgpack::object> objects_;
  msgpack::object* next_ = nullptr;
  std::vector<msgpack::object*> open_;  // the next element of each array and map that is open
  bool timestamps_fit_ = true;
};

/// Items as bytes, in memory that the next append of this thread uses again, unless it is much.
class Packer {
 public:
  Packer() : buffer_(std::move(spare())) {
    if (!buffer_) buffer_ = std::make_unique<msgpack::sbuffer>();
  }
  ~Packer() {
    buffer_->clear();
    if (largest_ <= most_kept_bytes) spare() = std::move(buffer_);
  }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  template <typename T>
  void add(std::string_view key, std::uint64_t number, const T& item, const PackedLimits& limits) {
    const std::size_t begin = buffer_->size();
    Stream stream{*buffer_};
    msgpack::pack(stream, item);
    largest_ = buffer_->size();
    const std::size_t size = buffer_->size() - begin;
    const bool is_within = stream.heads <= limits.depth && size <= least_bytes(limits);
    if (size == 0 || !is_within) check_item(bytes().substr(begin), key, number, limits);
  }

  [[nodiscard]] std::string_view bytes() const noexcept { return {buffer_->data(), buffer_->size()}; }

 private:
  static constexpr std::size_t most_kept_bytes = std::size_t{1} << 20;

  /// Counts what may be the heads of arrays and maps, which msgpack-cxx writes one at a time: an item cannot be deeper
  /// than it has heads, and most need no closer look.
  struct Stream {
    msgpack::sbuffer& buffer;
    std::size_t heads = 0;

    void write(const char* bytes, std::size_t size) {
      if (size == 0) return;
      const auto first = static_cast<unsigned char>(*bytes);
      heads += (first & 0xE0U) == 0x80 || (first & 0xFCU) == 0xDC ? 1 : 0;
      buffer.write(bytes, size);
    }
  };

  /// An item of so many bytes has no more elements, and no longer strings, than the limits allow.
  static std::uint64_t least_bytes(const PackedLimits& limits) noexcept {
    return std::min({limits.elements, limits.string_bytes, limits.item_bytes});
  }

  static std::unique_ptr<msgpack::sbuffer>& spare() {
    static thread_local std::unique_ptr<msgpack::sbuffer> buffer;
    return buffer;
  }

  std::unique_ptr<msgpack::sbuffer> buffer_;
  std::size_t largest_ = 0;
};

}  // namespace packed_detail

/// Items of type T in the values of a store.
///
/// T is whatever msgpack-cxx can adapt: a struct with MSGPACK_DEFINE or MSGPACK_DEFINE_MAP, containers, std::optional,
/// msgpack::type::variant, std::chrono's time points, and what a program has written an adaptor for. It must own its
/// bytes: a std::string_view would point to memory that is gone. Safe for any number of threads, as the store is.
///
/// An item that cannot be a T is TypeMismatchError, which names the key, the item's number from 1 on, and both types.
///
/// Limitations: what fits a T is up to msgpack-cxx's adaptors. They take an array with fewer or more elements than
/// MSGPACK_DEFINE names, and store a floating-point number that is whole as an integer. Two of them (4.1.3) look where
/// they should not, when others have stored a shorter item in its place: do not read such items as std::array<char, N>,
/// which reads beyond a string, nor as a member of MSGPACK_DEFINE that is a std::tuple or std::array of time points,
/// which reads beside an array. A timestamp outside the years 1678 to 2261 is TypeMismatchError for every T.
template <typename T>
class Packed {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>);
  static_assert(!std::is_same_v<T, std::string_view> && !std::is_same_v<T, msgpack::object>, "T must own its bytes");

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
    packed_detail::Packer packer;
    if (entries.size() == 1) {
      pack(packer, entries[0]);
      const accrete::Entry packed{entries[0].key, packer.bytes()};
      store_->append_batch({&packed, 1}, options);
      return;
    }
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
    batch.reserve(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) batch.push_back(items_of(keys[i], values[i], objects));
    return batch;
  }

  /// Reads the items of a key one at a time, those that there are now, without holding the value in memory.
  [[nodiscard]] Reader reader(std::string_view key) const { return Reader(*store_, key, limits_); }

 private:
  using Cause = packed_detail::Cause;

  static PackedLimits checked(const PackedLimits& limits) {
    static_cast<void>(PackedItems(std::string_view(), {}, limits));
    return limits;
  }

  void pack(packed_detail::Packer& packer, const Entry& entry) const {
    std::uint64_t number = 0;
    try {
      for (const T& item : entry.items) packer.add(entry.key, ++number, item, limits_);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw_unpackable(entry.key, number, error);
    }
  }

  [[noreturn]] static void throw_unpackable(std::string_view key, std::uint64_t number, const std::exception& error) {
    const bool is_large = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                          dynamic_cast<const msgpack::container_size_overflow*>(&error) != nullptr;
    packed_detail::throw_packing_error(key, number, packed_detail::type_name<T>(),
                                       is_large ? Cause::memory : Cause::type, error.what());
  }

  std::vector<T> items_of(std::string_view key, std::string_view value, packed_detail::Objects& objects) const {
    PackedItems packed(value, key, limits_);
    std::vector<T> items;
    while (std::optional<T> item = next_item(packed, objects)) items.push_back(std::move(*item));
    return items;
  }

  static std::optional<T> next_item(PackedItems& items, packed_detail::Objects& objects) {
    const std::string_view bytes = items.next();
    if (bytes.empty()) return std::nullopt;
    try {
      const msgpack::object& object = objects.read(bytes, items.objects());
      if (objects.timestamps_fit()) return item_of(object);
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      packed_detail::throw_unpacking_error(items, bytes, packed_detail::type_name<T>(), Cause::memory);
    } catch (const std::exception&) {
    }
    packed_detail::throw_unpacking_error(items, bytes, packed_detail::type_name<T>(), Cause::type);
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
    // NOLINTBEGIN(readability-identifier-naming): the names that the standard library asks for
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = T;
    // NOLINTEND(readability-identifier-naming)

    explicit Iterator(Reader& reader) : reader_(&reader) {}

    T& operator*() const noexcept { return *reader_->current_; }
    Iterator& operator++() {
      reader_->current_ = reader_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) noexcept { return at.is_behind(); }

   private:
    [[nodiscard]] bool is_behind() const noexcept { return !reader_->current_; }

    Reader* reader_;
  };

  /// nullopt behind the last.
  [[nodiscard]] std::optional<T> next() { return next_item(items_, objects_); }

  /// Goes on behind the items that were read.
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
