// What all benchmarks of small appends append: entries of one size, to as many keys. workload.py has the same.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace bench {

inline constexpr std::size_t key_count = 1000;
inline constexpr std::size_t entry_size = 100;

inline const std::string entry_bytes(entry_size, 'x');

inline std::vector<std::string> make_keys() {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < key_count; ++i) keys.push_back("key-" + std::to_string(10'000 + i));
  return keys;
}

}  // namespace bench
