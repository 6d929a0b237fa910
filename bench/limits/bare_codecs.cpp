#include "limits/bare_codecs.hpp"

#include <blosc.h>
#include <bzlib.h>
#include <cstring>
#include <lz4.h>
#include <lz4frame.h>
#include <memory>
#include <snappy.h>
#include <stdexcept>
#include <string>
#include <vector>
#include <zlib.h>
#include <zstd.h>

namespace bench {
namespace {

using Bytes = std::string_view;
using To = std::span<char>;

constexpr std::size_t room_bytes = std::size_t{2} << 20;  // for what is made of a piece

/// Of functions that return how many bytes they have made, 0 or less or far too many if they cannot.
template <typename Encode, typename Decode>
Coder coder(const Encode& encode, const Decode& decode) {
  const auto room = std::make_shared<std::vector<char>>(room_bytes);
  return {[=](Bytes bytes) {
            const auto size = static_cast<std::size_t>(encode(bytes, To(*room)));
            if (size == 0 || size > room->size()) throw std::runtime_error("a codec cannot encode");
            return Bytes(room->data(), size);
          },
          [=](Bytes encoded, To to) {
            if (static_cast<std::size_t>(decode(encoded, to)) != to.size())
              throw std::runtime_error("a codec cannot decode");
          }};
}

std::size_t copy(Bytes bytes, To to) {
  std::memcpy(to.data(), bytes.data(), bytes.size());
  return bytes.size();
}

Coder lz4() {
  const auto encode = [](Bytes bytes, To to) {
    return LZ4_compress_default(bytes.data(), to.data(), static_cast<int>(bytes.size()), static_cast<int>(to.size()));
  };
  const auto decode = [](Bytes bytes, To to) {
    return LZ4_decompress_safe(bytes.data(), to.data(), static_cast<int>(bytes.size()), static_cast<int>(to.size()));
  };
  return coder(encode, decode);
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

Coder zstd(bool with_checksum) {
  const std::shared_ptr<ZSTD_CCtx> compressing(ZSTD_createCCtx(), ZSTD_freeCCtx);
  const std::shared_ptr<ZSTD_DCtx> decompressing(ZSTD_createDCtx(), ZSTD_freeDCtx);
  ZSTD_CCtx_setParameter(compressing.get(), ZSTD_c_checksumFlag, with_checksum ? 1 : 0);
  const auto encode = [=](Bytes bytes, To to) {
    return ZSTD_compress2(compressing.get(), to.data(), to.size(), bytes.data(), bytes.size());
  };
  const auto decode = [=](Bytes bytes, To to) {
    return ZSTD_decompressDCtx(decompressing.get(), to.data(), to.size(), bytes.data(), bytes.size());
  };
  return coder(encode, decode);
}

Coder snappy_calls() {
  const auto encode = [](Bytes bytes, To to) {
    std::size_t size = 0;
    snappy::RawCompress(bytes.data(), bytes.size(), to.data(), &size);
    return size;
  };
  const auto decode = [](Bytes bytes, To to) {
    return snappy::RawUncompress(bytes.data(), bytes.size(), to.data()) ? to.size() : 0;
  };
  return coder(encode, decode);
}

const Bytef* zlib_bytes(Bytes bytes) { return reinterpret_cast<const Bytef*>(bytes.data()); }

Coder zlib() {
  const auto encode = [](Bytes bytes, To to) -> uLongf {
    uLongf size = to.size();
    auto* const out = reinterpret_cast<Bytef*>(to.data());
    return compress(out, &size, zlib_bytes(bytes), bytes.size()) == Z_OK ? size : 0;
  };
  const auto decode = [](Bytes bytes, To to) -> uLongf {
    uLongf size = to.size();
    auto* const out = reinterpret_cast<Bytef*>(to.data());
    return uncompress(out, &size, zlib_bytes(bytes), bytes.size()) == Z_OK ? size : 0;
  };
  return coder(encode, decode);
}

Coder bz2() {
  const auto encode = [](Bytes bytes, To to) {
    auto size = static_cast<unsigned>(to.size());
    auto* const in = const_cast<char*>(bytes.data());
    const auto in_size = static_cast<unsigned>(bytes.size());
    return BZ2_bzBuffToBuffCompress(to.data(), &size, in, in_size, 9, 0, 0) == BZ_OK ? size : 0;
  };
  const auto decode = [](Bytes bytes, To to) {
    auto size = static_cast<unsigned>(to.size());
    auto* const in = const_cast<char*>(bytes.data());
    const auto in_size = static_cast<unsigned>(bytes.size());
    return BZ2_bzBuffToBuffDecompress(to.data(), &size, in, in_size, 0, 0) == BZ_OK ? size : 0;
  };
  return coder(encode, decode);
}

Coder blosc() {
  const auto encode = [](Bytes bytes, To to) {
    constexpr int level = 5;
    constexpr std::size_t element_size = 8;
    return blosc_compress_ctx(level, BLOSC_SHUFFLE, element_size, bytes.size(), bytes.data(), to.data(), to.size(),
                              BLOSC_LZ4_COMPNAME, 0, 1);
  };
  const auto decode = [](Bytes bytes, To to) { return blosc_decompress_ctx(bytes.data(), to.data(), to.size(), 1); };
  return coder(encode, decode);
}

}  // namespace

Coder bare_codec(std::string_view codec) {
  if (codec == "stored") return coder(copy, copy);
  if (codec == "lz4") return lz4();
  if (codec == "zstd") return zstd(false);
  if (codec == "snappy") return snappy_calls();
  if (codec == "zlib") return zlib();
  if (codec == "bz2") return bz2();
  if (codec == "blosc") return blosc();
  throw std::runtime_error("no codec '" + std::string(codec) + "'");
}

std::optional<Coder> bare_codec_with_checksum(std::string_view codec) {
  if (codec == "lz4") return lz4_frames();
  if (codec == "zstd") return zstd(true);
  return std::nullopt;
}

}  // namespace bench
