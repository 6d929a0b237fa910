// What the tests of Packed<T> store and read.
#pragma once

#include <accrete/accrete.hpp>
#include <accrete/packed.hpp>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

namespace accrete::test {

template <typename T>
std::vector<T> read_all(const Packed<T>& packed, std::string_view key) {
  std::vector<T> items;
  for (T& item : packed.reader(key)) items.push_back(std::move(item));
  return items;
}

/// What is stored under "k", read as T.
template <typename T>
Packed<T> stored(std::string_view bytes, const PackedLimits& limits = {}) {
  Packed<T> packed{memory_store(), limits};
  packed.store().append("k", bytes);
  return packed;
}

template <typename Failure, typename T>
std::string failure_of(const Packed<T>& packed) {
  std::string message;
  try {
    static_cast<void>(packed.get("k"));
  } catch (const Failure& error) {
    message = error.what();
  }
  std::string of_reader;
  try {
    read_all(packed, "k");
  } catch (const Failure& error) {
    of_reader = error.what();
  }
  CHECK(message == of_reader);
  return message;
}

template <typename T>
std::string packed_bytes(const T& item) {
  Packed<T> packed{memory_store()};
  packed.append("k", item);
  return packed.store().get("k");
}

/// A literal that may hold zero bytes.
inline std::string operator""_b(const char* bytes, std::size_t size) { return {bytes, size}; }

}  // namespace accrete::test
