#include "base/hash.hpp"

#include <cstring>
#include <new>
#include <xxhash.h>

#ifdef ACCRETE_HASH_AVX2
#include "base/hash_avx2.hpp"
#endif

namespace accrete {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) noexcept {
#ifdef ACCRETE_HASH_AVX2
  constexpr std::size_t min_wide = 241;  // below, XXH3 does not work in stripes
  if (bytes.size() >= min_wide && __builtin_cpu_supports("avx2")) {
    return hash64_avx2(bytes.data(), bytes.size(), seed);
  }
#endif
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::array<std::byte, 16> hash128(std::string_view bytes) noexcept {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  std::array<std::byte, 16> digest;
  static_assert(sizeof canonical.digest == sizeof digest);
  std::memcpy(digest.data(), canonical.digest, sizeof digest);
  return digest;
}

struct StreamHash::State {
  struct Free {
    void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> xxh3{XXH3_createState()};
};

StreamHash::StreamHash() : state_(std::make_unique<State>()) {
  if (!state_->xxh3) throw std::bad_alloc();
  XXH3_64bits_reset(state_->xxh3.get());
}

StreamHash::~StreamHash() = default;

void StreamHash::update(std::string_view bytes) noexcept {
  XXH3_64bits_update(state_->xxh3.get(), bytes.data(), bytes.size());
}

std::uint64_t StreamHash::digest() const noexcept { return XXH3_64bits_digest(state_->xxh3.get()); }

}  // namespace accrete
