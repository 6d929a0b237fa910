// Numeric: arrays of numbers, or of structs of numbers, as the values of a store. The element type is recorded with
// them and checked. lib/typed/piece.hpp specifies how they are stored.
#pragma once

#include <accrete/error.hpp>
#include <accrete/export.hpp>
#include <accrete/store.hpp>
#include <algorithm>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace accrete {

/// The numbers are part of the format.
enum class NumberType : std::uint8_t {
  int8 = 1,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float32,
  float64,
  complex64,   ///< std::complex<float>
  complex128,  ///< std::complex<double>
  boolean,
};

/// Its name: int8 … uint64, float32, float64, complex64, complex128, bool; "unknown" for any other number.
[[nodiscard]] ACCRETE_API std::string_view name_of(NumberType type) noexcept;

template <typename T, typename... Others>
concept OneOf = (std::same_as<T, Others> || ...);

/// Characters are none, and neither is long double, whose size differs between machines.
template <typename T>
concept Number = (std::integral<T> && !OneOf<T, char, wchar_t, char8_t, char16_t, char32_t> && sizeof(T) <= 8 &&
                  !std::is_const_v<T> && !std::is_volatile_v<T>) ||
                 OneOf<T, float, double, std::complex<float>, std::complex<double>>;

template <Number T>
[[nodiscard]] constexpr NumberType number_type() noexcept {
  if constexpr (std::same_as<T, bool>) return NumberType::boolean;
  if constexpr (std::same_as<T, float>) return NumberType::float32;
  if constexpr (std::same_as<T, double>) return NumberType::float64;
  if constexpr (std::same_as<T, std::complex<float>>) return NumberType::complex64;
  if constexpr (std::same_as<T, std::complex<double>>) return NumberType::complex128;
  if constexpr (sizeof(T) == 1) return std::is_signed_v<T> ? NumberType::int8 : NumberType::uint8;
  if constexpr (sizeof(T) == 2) return std::is_signed_v<T> ? NumberType::int16 : NumberType::uint16;
  if constexpr (sizeof(T) == 4) return std::is_signed_v<T> ? NumberType::int32 : NumberType::uint32;
  return std::is_signed_v<T> ? NumberType::int64 : NumberType::uint64;
}

template <typename Struct, Number Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
};

template <typename Struct, Number Member>
[[nodiscard]] constexpr Field<Struct, Member> field(std::string_view name, Member Struct::*member) noexcept {
  return {name, member};
}

/// To be specialised for a struct that is an element: what is stored of it, and in which order.
///
///   struct Flight { float delay; std::int32_t distance; };
///   template <>
///   struct accrete::Schema<Flight> {
///     static constexpr std::tuple fields{field("delay", &Flight::delay), field("distance", &Flight::distance)};
///   };
///
/// Up to 64 fields; a name has 1 to 63 letters, digits and underscores, and no other field has it. Names, types and
/// order are the type: structs that agree in them are the same type, wherever their members stand in memory. A member
/// that is no field is not stored, and neither are the bytes between members.
template <typename Struct>
struct Schema;

template <typename T>
concept Element = Number<T> ||(std::is_trivially_copyable_v<T>&& std::default_initializable<T>&& requires {
  std::tuple_size<std::remove_cvref_t<decltype(Schema<T>::fields)>>::value;
});

// What the templates below hand their work to; not for use by programs.
namespace detail {

struct FieldLayout {
  std::string_view name{};  ///< of a struct's field
  NumberType type{};
  std::size_t offset = 0;  ///< in the element, bytes
};

/// How an element lies in memory.
struct ElementLayout {
  std::size_t size = 0;  ///< bytes
  bool is_struct = false;
  std::vector<FieldLayout> fields{};  ///< of a number: itself
};

template <Element T>
[[nodiscard]] ElementLayout make_layout() {
  ElementLayout layout{.size = sizeof(T), .is_struct = !Number<T>};
  if constexpr (Number<T>) {
    layout.fields.push_back({.type = number_type<T>()});
  } else {
    const T sample{};
    const auto add = [&]<typename Struct, typename Member>(const Field<Struct, Member>& field) {
      static_assert(std::derived_from<T, Struct>, "a field of Schema<T> is a member of T, or of a base of it");
      const auto distance =
          reinterpret_cast<const std::byte*>(&(sample.*field.member)) - reinterpret_cast<const std::byte*>(&sample);
      layout.fields.push_back(
          {.name = field.name, .type = number_type<Member>(), .offset = static_cast<std::size_t>(distance)});
    };
    std::apply([&](const auto&... fields) { (add(fields), ...); }, Schema<T>::fields);
  }
  return layout;
}

template <Element T>
[[nodiscard]] const ElementLayout& layout_of() {
  static const ElementLayout layout = make_layout<T>();
  return layout;
}

/// Reads the elements of a value by and by. Any of its functions throws TooLargeError for want of memory.
class ACCRETE_API ElementReader {
 public:
  ElementReader(const Store& store, std::string_view key, const ElementLayout& layout);
  /// Of a whole value that was read before.
  ElementReader(std::string value, std::string_view key, const ElementLayout& layout);
  ElementReader(ElementReader&&) noexcept;
  ElementReader& operator=(ElementReader&&) noexcept;
  ~ElementReader();

  /// Goes on to the next elements, up to a mebibyte of them in memory, and returns how many these are; 0 after the
  /// last. `room`, which may be written over, must then stay as it is until they are copied: to its front, which is
  /// where they are read to if it is large enough.
  [[nodiscard]] std::size_t next(std::span<std::byte> room = {});
  /// These elements, as they lie in memory.
  void copy_to(std::span<std::byte> elements) const;
  /// Copies all elements that are left to the front of `elements` and returns how many they are. Throws TooLargeError
  /// if there are more than it holds.
  [[nodiscard]] std::size_t read_rest(std::span<std::byte> elements);
  [[nodiscard]] const std::string& key() const noexcept;
  /// For how many elements to reserve memory: one too few, and a vector copies all of them. Known after the first
  /// `next`.
  [[nodiscard]] std::size_t capacity() const noexcept;
  /// The room that `next` can use, in bytes.
  [[nodiscard]] std::size_t window_size() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// All that Numeric does but for the element's type, which is data here.
class ACCRETE_API ElementValues {
 public:
  ElementValues(std::unique_ptr<Store> store, const ElementLayout& layout);
  ElementValues(Store& store, const ElementLayout& layout);
  ElementValues(ElementValues&&) noexcept;
  ElementValues& operator=(ElementValues&&) noexcept;
  ~ElementValues();

  [[nodiscard]] Store& store() const noexcept;
  /// The bytes of the entries are elements as they lie in memory.
  void append_batch(std::span<const Entry> entries, const AppendOptions& options);
  [[nodiscard]] std::size_t get_into(std::string_view key, std::span<std::byte> elements) const;
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key) const;
  void erase(std::string_view key);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Asks for memory in large pages where it is about to be filled.
ACCRETE_API void prepare_to_fill(std::span<std::byte> memory) noexcept;

/// Runs `read`; what the standard library throws for want of memory becomes TooLargeError.
ACCRETE_API void read_within_memory(std::string_view key, const std::function<void()>& read);
/// As above.
ACCRETE_API void append_within_memory(std::size_t entries, const std::function<void()>& append);

template <Element T>
[[nodiscard]] std::string_view bytes_of(std::span<const T> elements) noexcept {
  return {reinterpret_cast<const char*>(elements.data()), elements.size_bytes()};
}

}  // namespace detail

/// The elements of a value, a stretch at a time, within some 2 MiB of memory, or one element if that is larger.
template <Element T>
class NumericPieces {
 public:
  /// The value as it is at the first call of `next`.
  NumericPieces(const Store& store, std::string_view key) : reader_(store, key, detail::layout_of<T>()) {}
  /// A value that was read before with Store::get.
  NumericPieces(std::string value, std::string_view key) : reader_(std::move(value), key, detail::layout_of<T>()) {}

  /// The next elements, valid until the next call; empty after the last. Each is verified before it is returned, and
  /// those before a damaged piece are returned before the call that throws. Throws as Numeric::get does.
  ///
  /// If the value is erased meanwhile, or others erase so often that it cannot be told, this call or a later one, at
  /// the latest the one after the last elements, throws ErasedError: those that were returned may be of two values.
  [[nodiscard]] std::span<const T> next() {
    const std::size_t count = reader_.next();
    if (count > capacity_) make_room(count);
    const std::span<T> elements(elements_.get(), count);
    reader_.copy_to(std::as_writable_bytes(elements));
    return elements;
  }

  /// All elements that are left.
  [[nodiscard]] std::vector<T> rest() {
    std::vector<T> all;
    const auto read = [&] { append_to(all); };
    detail::read_within_memory(reader_.key(), std::ref(read));
    return all;
  }

 private:
  void make_room(std::size_t count) {
    const auto make = [&] { elements_ = std::make_unique<T[]>(count); };  // NOLINT(modernize-avoid-c-arrays)
    detail::read_within_memory(reader_.key(), std::ref(make));
    capacity_ = count;
  }

  void append_to(std::vector<T>& all) {
    if constexpr (std::same_as<T, bool>) {
      for (std::span<const T> some; !(some = next()).empty();) all.insert(all.end(), some.begin(), some.end());
    } else {
      for (;;) {
        // A stretch at a time, so that the zeros are still in the cache when they are written over.
        const std::size_t begin = all.size();
        all.resize(std::min(all.capacity(), begin + reader_.window_size() / sizeof(T) + 1));
        const std::size_t count = reader_.next(std::as_writable_bytes(std::span(all).subspan(begin)));
        if (begin == 0) reserve(all);
        if (all.size() < begin + count) all.resize(begin + count);
        reader_.copy_to(std::as_writable_bytes(std::span(all).subspan(begin, count)));
        all.resize(begin + count);
        if (count == 0) return;
      }
    }
  }

  void reserve(std::vector<T>& all) const {
    all.reserve(reader_.capacity());
    detail::prepare_to_fill({reinterpret_cast<std::byte*>(all.data()), all.capacity() * sizeof(T)});
  }

  detail::ElementReader reader_;
  std::unique_ptr<T[]> elements_;  // NOLINT(modernize-avoid-c-arrays): a vector<bool> holds no bools
  std::size_t capacity_ = 0;
};

namespace detail {

/// Of a whole value that was read before.
template <Element T>
[[nodiscard]] std::vector<T> elements_of(std::string value, std::string_view key) {
  return NumericPieces<T>(std::move(value), key).rest();
}

template <Element T>
[[nodiscard]] std::vector<T> get_elements(const Store& store, std::string_view key) {
  try {
    return NumericPieces<T>(store, key).rest();
  } catch (const ErasedError&) {
    return elements_of<T>(store.get(key), key);
  }
}

}  // namespace detail

/// One append of elements to one key. Borrowed for the call.
template <Element T>
struct NumericEntry {
  std::string_view key;
  std::span<const T> elements;
};

/// Arrays of T, which is a number or a struct with a Schema, as the values of a store. Sizes are in elements.
///
/// The first append to a key records the element type; another type is TypeMismatchError, and nothing of the call is
/// stored. This holds among all threads and processes that append through Numeric: of two that append first, one wins.
/// But a key that was erased, or dropped with the store, may get another type only if nobody appends to it meanwhile,
/// and if no object that has appended to it before does so again, but for the one whose `erase` it was. Otherwise the
/// value may hold two types, as may one of no bytes, which Store::append can leave; reading it is TypeMismatchError.
///
/// An object remembers the keys that it has found to be of its type, in up to 8 MiB. The first append to a key reads
/// the front of its value before; with more than about half a million keys, later ones do, too.
///
/// Any number of threads may call any of its functions at once. A function does all that it says or throws an Error and
/// changes nothing. It throws CorruptionError, which names the key and the byte, where a value is damaged or cut.
/// Floating-point numbers come back bit for bit. An array of bool is appended as a span, and got as a vector<bool>; a
/// bool whose byte in memory is neither 0 nor 1 is InvalidArgumentError.
///
/// A value of more than 256 KiB is read in several steps. If it is erased meanwhile, or others erase so often that it
/// cannot be told, it is read anew and in one step, which takes memory for all its bytes.
template <Element T>
class Numeric {
 public:
  explicit Numeric(std::unique_ptr<Store> store) : store_(std::move(store), detail::layout_of<T>()) {}
  /// The store must outlive this object.
  explicit Numeric(Store& store) : store_(store, detail::layout_of<T>()) {}

  [[nodiscard]] Store& store() const noexcept { return store_.store(); }

  /// No elements bring an empty value of this type into being.
  void append(std::string_view key, std::span<const T> elements) {
    const Entry entry{key, detail::bytes_of(elements)};
    store_.append_batch({&entry, 1}, {});
  }
  void append(std::string_view key, std::initializer_list<T> elements) {
    append(key, std::span<const T>(elements.begin(), elements.size()));
  }

  /// Appends all entries, in their order, or none of them. `options.expect_size` is in elements; it reads the headers
  /// of all pieces of the value, as `size` does.
  ///
  /// If a batch of several entries has new keys, these are first brought into being, each with no elements. They stay
  /// if the batch then fails.
  void append_batch(std::span<const NumericEntry<T>> entries, const AppendOptions& options = {}) {
    std::vector<Entry> batch;
    const auto make = [&] {
      batch.reserve(entries.size());
      for (const NumericEntry<T>& entry : entries) batch.push_back({entry.key, detail::bytes_of(entry.elements)});
    };
    detail::append_within_memory(entries.size(), std::ref(make));
    store_.append_batch(batch, options);
  }

  /// All elements; none for a missing key. Throws TooLargeError when they do not fit into memory.
  [[nodiscard]] std::vector<T> get(std::string_view key) const { return detail::get_elements<T>(store(), key); }

  /// The elements of all keys as they were at one moment, in the order of `keys`.
  [[nodiscard]] std::vector<std::vector<T>> get_batch(std::span<const std::string_view> keys) const {
    std::vector<std::vector<T>> all;
    const auto reserve = [&] { all.reserve(keys.size()); };
    detail::read_within_memory(keys.empty() ? std::string_view() : keys.front(), std::ref(reserve));
    if (keys.size() == 1) {
      all.push_back(get(keys.front()));  // which copies the elements once
      return all;
    }
    std::vector<std::string> values = store().get_batch(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) all.push_back(detail::elements_of<T>(std::move(values[i]), keys[i]));
    return all;
  }

  /// Copies all elements to the front of `to` and returns how many there are. Throws TooLargeError if there are more
  /// than `to` holds. After an error, what `to` holds is unspecified.
  [[nodiscard]] std::size_t get_into(std::string_view key, std::span<T> to) const {
    return store_.get_into(key, std::as_writable_bytes(to));
  }

  /// The elements of a value of any size within little memory.
  [[nodiscard]] NumericPieces<T> pieces(std::string_view key) const { return {store(), key}; }

  /// Elements in the value; nullopt for a key that was never appended to (or erased since). Reads the headers of all
  /// pieces; the elements are not verified.
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key) const { return store_.size(key); }

  /// Removes one key and its value; does nothing for a missing key.
  void erase(std::string_view key) { store_.erase(key); }

 private:
  detail::ElementValues store_;
};

}  // namespace accrete
