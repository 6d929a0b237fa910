// The bare calls of the libraries that accrete's codecs are made of.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bench {

/// What encodes and decodes a piece; both throw if they cannot.
struct Coder {
  std::function<std::string_view(std::string_view bytes)> encode;  ///< lends what it makes until its next call
  std::function<void(std::string_view encoded, std::span<char> to)> decode;  ///< fills `to`
};

/// Of one of accrete::codec_names(), at the level that accrete takes if it is asked for none: the library as it is
/// called by accrete, but with neither frames nor checksums around it.
[[nodiscard]] Coder bare_codec(const std::string& name);
/// As the library itself makes frames with a checksum of all bytes, which accrete has, too, where it knows one.
[[nodiscard]] std::optional<Coder> bare_codec_with_checksum(const std::string& name);

}  // namespace bench
