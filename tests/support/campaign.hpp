// How long the campaigns of random steps are.
#pragma once

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

/// A fifth of `steps` where a sanitizer looks at each: it takes many times as long, and is to see each kind of step,
/// not the rare outcome that the other builds look for.
[[nodiscard]] constexpr int campaign_steps(int steps) { return is_sanitized ? steps / 5 : steps; }

/// Where a campaign takes each operation of many in turn: one in three under a sanitizer.
inline constexpr int campaign_stride = is_sanitized ? 3 : 1;

}  // namespace accrete::test
