// What the comparisons have in common. A name is "pattern/subject". Datasets are made in the working directory.
#pragma once

#include <stdexcept>

#include "timing.hpp"

namespace bench {

/// Items of MessagePack, beside bare msgpack-cxx over the same store.
void add_items();

inline void check(bool holds) {
  if (!holds) throw std::runtime_error("what was read is not what was appended");
}

}  // namespace bench
