// The clocks of the limits.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace bench {

inline constexpr std::size_t mebibyte = std::size_t{1} << 20;

template <class Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Of what `measure` returns in so many rounds.
template <class Measure>
double median_of(std::size_t rounds, const Measure& measure) {
  std::vector<double> values(rounds);
  for (double& value : values) value = measure();
  return median(std::move(values));
}

}  // namespace bench
