// Random bytes that are the same in every run of a seed.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

namespace accrete::test {

using Random = std::mt19937_64;

inline std::size_t random_below(Random& random, std::size_t bound) { return random() % bound; }

inline bool one_in(Random& random, std::size_t n) { return random_below(random, n) == 0; }

[[nodiscard]] std::string random_bytes(Random& random, std::size_t size);

/// Of the characters in `alphabet` only.
[[nodiscard]] std::string random_text(Random& random, std::size_t size, std::string_view alphabet);

}  // namespace accrete::test
