// Codecs: how the bytes of a value are made smaller.
#pragma once

#include <accrete/export.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

/// A method of compression and its level. A value to pass around: it holds no memory, and any number of threads may use
/// one.
///
/// Whatever the codec, each piece carries a checksum, is stored as it is where compressing saves nothing, and is read
/// back whichever codec is in use then.
class ACCRETE_API Codec {
 public:
  /// "stored": nothing is compressed; the checksums are there.
  Codec() = default;

  /// For parse_codec: "lz4", "zstd:9"; the level only if it is not the default.
  [[nodiscard]] std::string name() const;

  friend bool operator==(const Codec&, const Codec&) = default;

 private:
  friend struct CodecAccess;
  Codec(std::uint8_t method, int level) noexcept : method_(method), level_(level) {}

  std::uint8_t method_ = 0;
  int level_ = 0;
};

// Each throws UnsupportedError if this build lacks the library, and InvalidArgumentError for a level out of range.

/// Fast, both ways.
[[nodiscard]] ACCRETE_API Codec lz4();

/// Smaller than lz4, and slower. Levels 1 to 22; above 9, compressing takes very long.
[[nodiscard]] ACCRETE_API Codec zstd(int level = 3);

/// About as lz4.
[[nodiscard]] ACCRETE_API Codec snappy();

/// Levels 1 to 9.
[[nodiscard]] ACCRETE_API Codec zlib(int level = 6);

/// Small and very slow. Levels 1 to 9.
[[nodiscard]] ACCRETE_API Codec bz2(int level = 9);

/// For arrays of numbers, each of 1 to 255 bytes: the first bytes of all elements come first, then the second ones, …,
/// and then LZ4.
[[nodiscard]] ACCRETE_API Codec blosc(std::size_t element_size = 8);

/// The codec of a name, METHOD or METHOD:LEVEL. Throws InvalidArgumentError if there is no such codec, and
/// UnsupportedError if this build lacks its library.
[[nodiscard]] ACCRETE_API Codec parse_codec(std::string_view name);

/// The methods of this build.
[[nodiscard]] ACCRETE_API std::vector<std::string> codec_names();

}  // namespace accrete
