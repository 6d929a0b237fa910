// The bare calls of the libraries that accrete's codecs are made of.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bench {

/// Both return how many bytes they have made, 0 if they cannot. They check nothing, and use a context again where the
/// library has one.
struct BareCodec {
  std::function<std::size_t(std::string_view bytes, std::span<char> to)> encode;
  std::function<std::size_t(std::string_view bytes, std::span<char> to)> decode;
};

/// Of a codec as accrete::parse_codec() takes it, at the levels that accrete takes if it is asked for none.
[[nodiscard]] BareCodec bare_codec(std::string_view codec);
/// With a checksum of all bytes, as accrete has it, where the library knows one.
[[nodiscard]] std::optional<BareCodec> bare_codec_with_checksum(std::string_view codec);

}  // namespace bench
