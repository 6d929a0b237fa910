// How long the campaigns of random steps are.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace accrete::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif
#else
inline constexpr bool is_sanitized = false;
#endif

/// Where a sanitizer looks at each step, it takes many times as long, and is to see each kind of step, not the rare
/// outcome that the other builds look for. With FULL_CAMPAIGNS in the environment, it sees all.
[[nodiscard]] inline bool is_cut_short() { return is_sanitized && std::getenv("FULL_CAMPAIGNS") == nullptr; }

/// Of `steps`, a fifth if campaigns are cut short.
[[nodiscard]] inline int campaign_steps(int steps) { return is_cut_short() ? steps / 5 : steps; }

/// Where a campaign takes each operation of many in turn: one in five if campaigns are cut short.
[[nodiscard]] inline std::uint64_t campaign_stride() { return is_cut_short() ? 5 : 1; }

}  // namespace accrete::test
