#include "partd_integers.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/bytes.hpp"

namespace accrete::python {
namespace {

/// Calls `use` with a number of the unsigned type that has so many bytes.
template <typename Use>
auto with_type(std::uint32_t size, Use use) {
  switch (size) {
    case 1:
      return use(std::uint8_t{});
    case 2:
      return use(std::uint16_t{});
    case 4:
      return use(std::uint32_t{});
    default:
      return use(std::uint64_t{});
  }
}

template <typename T>
T load(const char* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return to_little_endian(value);
}

template <typename T>
void store(char* to, T value) noexcept {
  value = to_little_endian(value);
  std::memcpy(to, &value, sizeof value);
}

/// All taken as signed: then base and differences, which are added modulo 2^64, are right for unsigned ones, too.
template <typename T>
Narrowed measure(std::string_view integers) {
  using Signed = std::make_signed_t<T>;
  Signed min = std::numeric_limits<Signed>::max();
  Signed max = std::numeric_limits<Signed>::min();
  for (std::size_t at = 0; at < integers.size(); at += sizeof(T)) {
    const auto value = static_cast<Signed>(load<T>(integers.data() + at));
    min = std::min(min, value);
    max = std::max(max, value);
  }
  if (integers.empty()) min = max = 0;
  const auto base = static_cast<std::uint64_t>(std::int64_t{min});
  const std::uint64_t range = static_cast<std::uint64_t>(std::int64_t{max}) - base;
  if (range == 0) return {.base = base, .width = 0};
  if (range <= std::numeric_limits<std::uint8_t>::max()) return {.base = base, .width = 1};
  if (range <= std::numeric_limits<std::uint16_t>::max()) return {.base = base, .width = 2};
  if (range <= std::numeric_limits<std::uint32_t>::max()) return {.base = base, .width = 4};
  return {.base = base, .width = sizeof(T)};
}

template <typename From, typename To>
void convert(const char* from, char* to, std::size_t count, std::uint64_t added) noexcept {
  const auto addend = static_cast<To>(added);
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<To>(load<From>(from + i * sizeof(From)));
    store(to + i * sizeof(To), static_cast<To>(value + addend));
  }
}

}  // namespace

Narrowed narrow(std::string_view integers, std::uint32_t size, std::string& out) {
  Narrowed narrowed = with_type(size, [&](auto type) { return measure<decltype(type)>(integers); });
  if (narrowed.width >= size) {
    out += integers;
    return {.base = 0, .width = size};
  }
  if (narrowed.width == 0) return narrowed;
  const std::size_t count = integers.size() / size;
  const std::size_t before = out.size();
  out.resize(before + count * narrowed.width);
  with_type(size, [&](auto from) {
    with_type(narrowed.width, [&](auto to) {
      convert<decltype(from), decltype(to)>(integers.data(), out.data() + before, count, -narrowed.base);
    });
  });
  return narrowed;
}

void widen(std::string_view stored, const Narrowed& narrowed, std::uint32_t size, std::span<char> to) {
  const std::size_t count = to.size() / size;
  with_type(size, [&](auto wide) {
    using Wide = decltype(wide);
    if (narrowed.width == 0) {
      for (std::size_t i = 0; i < count; ++i) store(to.data() + i * size, static_cast<Wide>(narrowed.base));
      return;
    }
    with_type(narrowed.width, [&](auto narrow_type) {
      convert<decltype(narrow_type), Wide>(stored.data(), to.data(), count, narrowed.base);
    });
  });
}

}  // namespace accrete::python
