// Reading a value in several steps while others may remove it.
#pragma once

#include <accrete/error.hpp>
#include <accrete/store.hpp>
#include <cstdint>

namespace accrete {

/// What `in_steps(removals)` returns of a time at which nothing was removed: a value that was erased and begun anew
/// between two steps would be taken for one, or for damage. If others do not stop removing, what `at_once` returns.
template <typename InSteps, typename AtOnce>
auto consistently(const Store& store, InSteps in_steps, AtOnce at_once) {
  constexpr int max_tries = 8;
  for (int i = 0; i < max_tries; ++i) {
    const std::uint64_t removals = store.removals();
    try {
      auto result = in_steps(removals);
      if (store.removals() == removals) return result;
    } catch (const Error&) {
      if (store.removals() == removals) throw;
    }
  }
  return at_once();
}

}  // namespace accrete
