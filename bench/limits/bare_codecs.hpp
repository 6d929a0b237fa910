// The bare calls of the libraries that accrete's codecs are made of.
#pragma once

#include <accrete/codec.hpp>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "codec/library.hpp"
#include "timing.hpp"

namespace bench {

using Bytes = std::string_view;
using To = std::span<char>;

/// What encodes and decodes a piece; both throw if they cannot.
struct Coder {
  std::function<Bytes(Bytes bytes)> encode;          ///< lends what it makes until its next call
  std::function<void(Bytes encoded, To to)> decode;  ///< fills `to`
};

/// Of functions that return how many bytes they have made; none or far too many if they cannot.
template <typename Encode, typename Decode>
Coder coder(const Encode& encode, const Decode& decode) {
  const auto room = std::make_shared<std::vector<char>>(2 * mebibyte);  // for what is made of a piece
  return {[=](Bytes bytes) {
            const std::size_t size = encode(bytes, To(*room));
            if (size == 0 || size > room->size()) throw std::runtime_error("a codec cannot encode");
            return Bytes(room->data(), size);
          },
          [=](Bytes encoded, To to) {
            if (decode(encoded, to) != to.size()) throw std::runtime_error("a codec cannot decode");
          }};
}

/// Of one of accrete::codec_names() but "stored", at the level that accrete takes if it is asked for none: the library
/// as it is called by accrete, but with neither frames nor checksums around it.
inline Coder bare_codec(const std::string& name) {
  const accrete::Codec codec = accrete::parse_codec(name);
  const accrete::Library& library = *accrete::find_library(accrete::CodecAccess::method(codec));
  const std::shared_ptr compressor = library.make_compressor(accrete::CodecAccess::level(codec));
  const std::shared_ptr decompressor = library.make_decompressor();
  return coder([=](Bytes bytes, To to) { return compressor->compress(bytes, to.data()); },
               [=](Bytes bytes, To to) { return decompressor->decompress(bytes, to) ? to.size() : 0; });
}

}  // namespace bench
