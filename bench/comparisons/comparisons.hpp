// What bench_comparisons times. A benchmark's name is "pattern/subject". Datasets are made in the working directory.
#pragma once

#include <stdexcept>
#include <string>

#include "timing.hpp"

namespace bench {

/// Codecs over pieces of this file and of random bytes, and datasets with each codec.
void add_codecs(const std::string& file);
/// Reading an array of doubles back, beside memcpy of the same bytes.
void add_arrays();
/// Items of MessagePack, beside bare msgpack-cxx over the same store, and small lists.
void add_items();

inline void check(bool holds) {
  if (!holds) throw std::runtime_error("what was read is not what was appended");
}

}  // namespace bench
