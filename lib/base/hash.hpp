// The fixed hash: XXH3, which is the same on every machine and in every version, so it may reach a disk.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace accrete {

[[nodiscard]] std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) noexcept;

/// In the canonical (big-endian) byte order of xxHash.
[[nodiscard]] std::array<std::byte, 16> hash128(std::string_view bytes) noexcept;

/// Hashes bytes that come in pieces; where they are cut makes no difference.
class StreamHash {
 public:
  StreamHash();
  ~StreamHash();
  StreamHash(const StreamHash&) = delete;
  StreamHash& operator=(const StreamHash&) = delete;

  void update(std::string_view bytes) noexcept;
  /// hash64 of all bytes so far.
  [[nodiscard]] std::uint64_t digest() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace accrete
