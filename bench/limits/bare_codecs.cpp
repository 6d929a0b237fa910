#include "limits/bare_codecs.hpp"

#include <accrete/codec.hpp>
#include <cstring>
#include <lz4frame.h>
#include <memory>
#include <stdexcept>
#include <vector>
#include <zstd.h>

#include "codec/library.hpp"

namespace bench {
namespace {

using Bytes = std::string_view;
using To = std::span<char>;

constexpr std::size_t room_bytes = std::size_t{2} << 20;  // for what is made of a piece

/// Of functions that return how many bytes they have made; none or far too many if they cannot.
template <typename Encode, typename Decode>
Coder coder(const Encode& encode, const Decode& decode) {
  const auto room = std::make_shared<std::vector<char>>(room_bytes);
  return {[=](Bytes bytes) {
            const std::size_t size = encode(bytes, To(*room));
            if (size == 0 || size > room->size()) throw std::runtime_error("a codec cannot encode");
            return Bytes(room->data(), size);
          },
          [=](Bytes encoded, To to) {
            if (decode(encoded, to) != to.size()) throw std::runtime_error("a codec cannot decode");
          }};
}

std::size_t copy(Bytes bytes, To to) {
  std::memcpy(to.data(), bytes.data(), bytes.size());
  return bytes.size();
}

Coder lz4_frames() {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  preferences.frameInfo.blockSizeID = LZ4F_max1MB;
  LZ4F_dctx* context = nullptr;
  LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
  const std::shared_ptr<LZ4F_dctx> decompressing(context, LZ4F_freeDecompressionContext);
  const auto encode = [=](Bytes bytes, To to) {
    return LZ4F_compressFrame(to.data(), to.size(), bytes.data(), bytes.size(), &preferences);
  };
  const auto decode = [=](Bytes bytes, To to) {
    std::size_t size = to.size();
    std::size_t read = bytes.size();
    return LZ4F_decompress(decompressing.get(), to.data(), &size, bytes.data(), &read, nullptr) == 0 ? size : 0;
  };
  return coder(encode, decode);
}

Coder zstd_with_checksum() {
  const std::shared_ptr<ZSTD_CCtx> compressing(ZSTD_createCCtx(), ZSTD_freeCCtx);
  const std::shared_ptr<ZSTD_DCtx> decompressing(ZSTD_createDCtx(), ZSTD_freeDCtx);
  ZSTD_CCtx_setParameter(compressing.get(), ZSTD_c_checksumFlag, 1);
  const auto encode = [=](Bytes bytes, To to) {
    return ZSTD_compress2(compressing.get(), to.data(), to.size(), bytes.data(), bytes.size());
  };
  const auto decode = [=](Bytes bytes, To to) {
    return ZSTD_decompressDCtx(decompressing.get(), to.data(), to.size(), bytes.data(), bytes.size());
  };
  return coder(encode, decode);
}

}  // namespace

Coder bare_codec(const std::string& name) {
  if (name == "stored") return coder(copy, copy);
  const accrete::Codec codec = accrete::parse_codec(name);
  const accrete::Library& library = *accrete::find_library(accrete::CodecAccess::method(codec));
  const std::shared_ptr compressor = library.make_compressor(accrete::CodecAccess::level(codec));
  const std::shared_ptr decompressor = library.make_decompressor();
  return coder([=](Bytes bytes, To to) { return compressor->compress(bytes, to.data()); },
               [=](Bytes bytes, To to) { return decompressor->decompress(bytes, to) ? to.size() : 0; });
}

std::optional<Coder> bare_codec_with_checksum(const std::string& name) {
  if (name == "lz4") return lz4_frames();
  if (name == "zstd") return zstd_with_checksum();
  return std::nullopt;
}

}  // namespace bench
