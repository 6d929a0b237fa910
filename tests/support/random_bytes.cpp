#include "support/random_bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace accrete::test {

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t some = random();
    std::memcpy(bytes.data() + at, &some, std::min(sizeof some, size - at));
  }
  return bytes;
}

std::string random_text(Random& random, std::size_t size, std::string_view alphabet) {
  std::string text(size, '\0');
  for (char& c : text) c = alphabet[random_below(random, alphabet.size())];
  return text;
}

}  // namespace accrete::test
