#include "limits/bare_codecs.hpp"

#include <blosc.h>
#include <bzlib.h>
#include <cstring>
#include <lz4.h>
#include <lz4frame.h>
#include <memory>
#include <snappy.h>
#include <stdexcept>
#include <zlib.h>
#include <zstd.h>

namespace bench {
namespace {

using Bytes = std::string_view;
using To = std::span<char>;

template <typename Number>
std::size_t size_or_none(Number size) {
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

std::size_t copy(Bytes bytes, To to) {
  std::memcpy(to.data(), bytes.data(), bytes.size());
  return bytes.size();
}

BareCodec lz4() {
  const auto encode = [](Bytes bytes, To to) {
    return size_or_none(
        LZ4_compress_default(bytes.data(), to.data(), static_cast<int>(bytes.size()), static_cast<int>(to.size())));
  };
  const auto decode = [](Bytes bytes, To to) {
    return size_or_none(
        LZ4_decompress_safe(bytes.data(), to.data(), static_cast<int>(bytes.size()), static_cast<int>(to.size())));
  };
  return {encode, decode};
}

BareCodec lz4_frames() {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  preferences.frameInfo.blockSizeID = LZ4F_max1MB;
  LZ4F_dctx* context = nullptr;
  LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
  const std::shared_ptr<LZ4F_dctx> decompressing(context, LZ4F_freeDecompressionContext);
  const auto encode = [=](Bytes bytes, To to) {
    return LZ4F_compressFrame(to.data(), to.size(), bytes.data(), bytes.size(), &preferences);
  };
  const auto decode = [=](Bytes bytes, To to) -> std::size_t {
    std::size_t size = to.size();
    std::size_t read = bytes.size();
    return LZ4F_decompress(decompressing.get(), to.data(), &size, bytes.data(), &read, nullptr) == 0 ? size : 0;
  };
  return {encode, decode};
}

BareCodec zstd(int level, bool with_checksum) {
  const std::shared_ptr<ZSTD_CCtx> compressing(ZSTD_createCCtx(), ZSTD_freeCCtx);
  const std::shared_ptr<ZSTD_DCtx> decompressing(ZSTD_createDCtx(), ZSTD_freeDCtx);
  ZSTD_CCtx_setParameter(compressing.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(compressing.get(), ZSTD_c_checksumFlag, with_checksum ? 1 : 0);
  const auto none_if_error = [](std::size_t size) { return ZSTD_isError(size) != 0 ? 0 : size; };
  const auto encode = [=](Bytes bytes, To to) {
    return none_if_error(ZSTD_compress2(compressing.get(), to.data(), to.size(), bytes.data(), bytes.size()));
  };
  const auto decode = [=](Bytes bytes, To to) {
    return none_if_error(ZSTD_decompressDCtx(decompressing.get(), to.data(), to.size(), bytes.data(), bytes.size()));
  };
  return {encode, decode};
}

BareCodec snappy_calls() {
  const auto encode = [](Bytes bytes, To to) {
    std::size_t size = 0;
    snappy::RawCompress(bytes.data(), bytes.size(), to.data(), &size);
    return size;
  };
  const auto decode = [](Bytes bytes, To to) {
    return snappy::RawUncompress(bytes.data(), bytes.size(), to.data()) ? to.size() : 0;
  };
  return {encode, decode};
}

BareCodec zlib(int level) {
  const auto end = [](z_stream* stream) {
    deflateEnd(stream);
    delete stream;
  };
  const std::shared_ptr<z_stream> stream(new z_stream{}, end);
  if (deflateInit(stream.get(), level) != Z_OK) throw std::runtime_error("zlib does not start");
  const auto encode = [=](Bytes bytes, To to) -> std::size_t {
    deflateReset(stream.get());
    stream->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream->avail_in = static_cast<uInt>(bytes.size());
    stream->next_out = reinterpret_cast<Bytef*>(to.data());
    stream->avail_out = static_cast<uInt>(to.size());
    return deflate(stream.get(), Z_FINISH) == Z_STREAM_END ? stream->total_out : 0;
  };
  const auto decode = [](Bytes bytes, To to) -> std::size_t {
    uLongf size = to.size();
    const int status = uncompress(reinterpret_cast<Bytef*>(to.data()), &size,
                                  reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    return status == Z_OK ? size : 0;
  };
  return {encode, decode};
}

BareCodec bz2(int level) {
  const auto encode = [=](Bytes bytes, To to) -> std::size_t {
    auto size = static_cast<unsigned>(to.size());
    const int status = BZ2_bzBuffToBuffCompress(to.data(), &size, const_cast<char*>(bytes.data()),
                                                static_cast<unsigned>(bytes.size()), level, 0, 0);
    return status == BZ_OK ? size : 0;
  };
  const auto decode = [](Bytes bytes, To to) -> std::size_t {
    auto size = static_cast<unsigned>(to.size());
    const int status = BZ2_bzBuffToBuffDecompress(to.data(), &size, const_cast<char*>(bytes.data()),
                                                  static_cast<unsigned>(bytes.size()), 0, 0);
    return status == BZ_OK ? size : 0;
  };
  return {encode, decode};
}

BareCodec blosc(std::size_t element_size) {
  const auto encode = [=](Bytes bytes, To to) {
    constexpr int level = 5;
    return size_or_none(blosc_compress_ctx(level, BLOSC_SHUFFLE, element_size, bytes.size(), bytes.data(), to.data(),
                                           to.size(), BLOSC_LZ4_COMPNAME, 0, 1));
  };
  const auto decode = [](Bytes bytes, To to) {
    return size_or_none(blosc_decompress_ctx(bytes.data(), to.data(), to.size(), 1));
  };
  return {encode, decode};
}

/// What is after the colon of "zstd:5".
int number_of(std::string_view codec, int usual) {
  const std::size_t colon = codec.find(':');
  return colon == std::string_view::npos ? usual : std::stoi(std::string(codec.substr(colon + 1)));
}

}  // namespace

BareCodec bare_codec(std::string_view codec) {
  const std::string_view method = codec.substr(0, codec.find(':'));
  if (method == "stored") return {copy, copy};
  if (method == "lz4") return lz4();
  if (method == "zstd") return zstd(number_of(codec, 3), false);
  if (method == "snappy") return snappy_calls();
  if (method == "zlib") return zlib(number_of(codec, 6));
  if (method == "bz2") return bz2(number_of(codec, 9));
  if (method == "blosc") return blosc(static_cast<std::size_t>(number_of(codec, 8)));
  throw std::runtime_error("no codec '" + std::string(codec) + "'");
}

std::optional<BareCodec> bare_codec_with_checksum(std::string_view codec) {
  if (codec.starts_with("lz4")) return lz4_frames();
  if (codec.starts_with("zstd")) return zstd(number_of(codec, 3), true);
  return std::nullopt;
}

}  // namespace bench
