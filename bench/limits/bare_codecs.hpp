// The bare calls of the libraries that accrete's codecs are made of.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace bench {

/// What encodes and decodes a piece; both throw if they cannot.
struct Coder {
  std::function<std::string_view(std::string_view bytes)> encode;  ///< lends what it makes until its next call
  std::function<void(std::string_view encoded, std::span<char> to)> decode;  ///< fills `to`
};

/// Of one of accrete::codec_names(), at the level that accrete takes if it is asked for none. It checks nothing of the
/// bytes, and uses a context again where the library has one.
[[nodiscard]] Coder bare_codec(std::string_view codec);
/// With a checksum of all bytes, as accrete has it, where the library knows one.
[[nodiscard]] std::optional<Coder> bare_codec_with_checksum(std::string_view codec);

}  // namespace bench
