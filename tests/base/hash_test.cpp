// Tests of base/hash.hpp: the values may reach a disk, so they are pinned.
#include "base/hash.hpp"

#include <doctest/doctest.h>
#include <string>

#include "base/bytes.hpp"
#include "base/hex.hpp"

namespace accrete {
namespace {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    append_hex(text, static_cast<char>(byte));
  }
  return text;
}

TEST_CASE("hash64 never changes") {
  CHECK(hash64("") == 0x2d06800538d394c2);
  CHECK(hash64("a") == 0xe6c632b61e964e1f);
  CHECK(hash64("accrete") == 0xc9e147bf755e9ede);
  CHECK(hash64("accrete", 1) == 0x0a5172bf3e29e349);
  CHECK(hash64(std::string(1000, 'x')) == 0xc0a4877b962cba82);
  CHECK(hash64(std::string(1000, 'x'), 1) == 0x91720b7c9dd4e0d1);
}

TEST_CASE("hash128 never changes") {
  CHECK(hex(hash128("")) == "99aa06d3014798d86001c324468d497f");
  CHECK(hex(hash128("accrete")) == "fcc0a36f529d465e5badb8766f973c1e");
  CHECK(hex(hash128(std::string(1000, 'x'))) == "50a1af5a5f2dcf01c0a4877b962cba82");
}

TEST_CASE("a hash of pieces is that of the whole, however they are cut") {
  const std::string whole(1000, 'x');
  for (const std::size_t size : {1U, 7U, 256U, 999U}) {
    StreamHash hash;
    CHECK(hash.digest() == hash64(""));
    for (std::size_t i = 0; i < whole.size(); i += size) hash.update(std::string_view{whole}.substr(i, size));
    CHECK(hash.digest() == hash64(whole));
  }
}

TEST_CASE("bytes of every size hash as the library hashes them in pieces, whatever instructions are used") {
  std::string whole;
  for (int i = 0; i < 3000; ++i) whole += static_cast<char>(i * i / 7);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::string_view bytes = std::string_view{whole}.substr(0, size);
    StreamHash hash;
    hash.update(bytes);
    CHECK(hash.digest() == hash64(bytes));
  }
}

}  // namespace
}  // namespace accrete
