// What is asked of a library of compression. Each is named in its own file beside this one, and in no other.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "codec/method.hpp"

namespace accrete {

/// For one thread at a time. Keeps its memory for the next call, where its library lets it.
class Compressor {
 public:
  Compressor() = default;
  virtual ~Compressor() = default;
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// How much `compress` may write for so many bytes.
  [[nodiscard]] virtual std::size_t bound(std::size_t size) = 0;

  /// Returns how many bytes it has written to `to`; 0 if the library has failed, and the bytes are better stored.
  /// `bytes` are never empty, nor more than a frame holds.
  virtual std::size_t compress(std::string_view bytes, char* to) = 0;
};

/// For one thread at a time, as above.
class Decompressor {
 public:
  Decompressor() = default;
  virtual ~Decompressor() = default;
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  /// Whether `bytes`, which may be anything but empty, are the encoding of exactly as many bytes as fill `to`.
  /// Nothing after `to` is written, whatever they say. Throws std::bad_alloc.
  virtual bool decompress(std::string_view bytes, std::span<char> to) = 0;
};

struct Library {
  std::unique_ptr<Compressor> (*make_compressor)(int level);
  std::unique_ptr<Decompressor> (*make_decompressor)();
};

/// nullptr if this build lacks it, and for Method::stored, which needs none.
[[nodiscard]] const Library* find_library(Method method) noexcept;

// Defined where the build has them: use find_library.
extern const Library lz4_library;
extern const Library zstd_library;
extern const Library snappy_library;
extern const Library zlib_library;
extern const Library bz2_library;
extern const Library blosc_library;

}  // namespace accrete
