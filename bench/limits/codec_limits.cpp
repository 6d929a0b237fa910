// Limits of compressing: the bare libraries at the levels that accrete takes if it is asked for none, over pieces of 64
// KiB of a text.
#include <blosc.h>
#include <bzlib.h>
#include <fstream>
#include <iterator>
#include <lz4.h>
#include <malloc.h>
#include <memory>
#include <snappy.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <zlib.h>
#include <zstd.h>

#include "limits/limits.hpp"
#include "limits/timing.hpp"

namespace bench {
namespace {

constexpr std::size_t piece_size = std::size_t{64} * 1024;
constexpr std::size_t room = 2 * piece_size;
constexpr std::size_t pool_size = 4 * mebibyte;

using Compress = std::function<std::size_t(std::string_view, char*)>;

std::string read(const std::filesystem::path& name) {
  std::ifstream file(name, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.empty()) throw std::runtime_error("cannot read '" + name.string() + "', or it is empty");
  return bytes;
}

/// As the patterns that append text have it: repeated up to the size of their pool.
std::string make_pool(const std::filesystem::path& text) {
  const std::string bytes = read(text);
  std::string pool;
  while (pool.size() < pool_size) pool.append(bytes, 0, pool_size - pool.size());
  return pool;
}

double compression_rate(const std::filesystem::path& text, const Compress& compress) {
  // Libraries that have no context to be used again then get the memory of their last call.
  (void)::mallopt(M_MMAP_THRESHOLD, 32 * static_cast<int>(mebibyte));
  (void)::mallopt(M_TRIM_THRESHOLD, 64 * static_cast<int>(mebibyte));
  const std::string pool = make_pool(text);
  std::string to(room, '\0');
  return pool_size / median_of(3, [&] {
           return seconds_of([&] {
             for (std::size_t at = 0; at < pool_size; at += piece_size) {
               const std::string_view piece = std::string_view(pool).substr(at, piece_size);
               if (compress(piece, to.data()) == 0) throw std::runtime_error("a library cannot compress");
             }
           });
         });
}

Compress lz4() {
  const auto state = std::make_shared<LZ4_stream_t>();
  return [=](std::string_view bytes, char* to) {
    return static_cast<std::size_t>(
        LZ4_compress_fast_extState(state.get(), bytes.data(), to, static_cast<int>(bytes.size()), int{room}, 1));
  };
}

Compress zstd() {
  const std::shared_ptr<ZSTD_CCtx> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  return [=](std::string_view bytes, char* to) -> std::size_t {
    constexpr int level = 3;
    const std::size_t size = ZSTD_compressCCtx(context.get(), to, room, bytes.data(), bytes.size(), level);
    return ZSTD_isError(size) != 0 ? 0 : size;
  };
}

std::size_t snappy_compress(std::string_view bytes, char* to) {
  std::size_t size = 0;
  snappy::RawCompress(bytes.data(), bytes.size(), to, &size);
  return size;
}

Compress zlib() {
  constexpr int level = 6;
  const std::shared_ptr<z_stream> stream(new z_stream{}, [](z_stream* ended) {
    deflateEnd(ended);
    delete ended;
  });
  if (deflateInit(stream.get(), level) != Z_OK) throw std::runtime_error("zlib does not start");
  return [=](std::string_view bytes, char* to) -> std::size_t {
    deflateReset(stream.get());
    stream->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream->avail_in = static_cast<uInt>(bytes.size());
    stream->next_out = reinterpret_cast<Bytef*>(to);
    stream->avail_out = static_cast<uInt>(room);
    return deflate(stream.get(), Z_FINISH) == Z_STREAM_END ? stream->total_out : 0;
  };
}

std::size_t bz2_compress(std::string_view bytes, char* to) {
  constexpr int level = 9;
  unsigned size = room;
  const int status = BZ2_bzBuffToBuffCompress(to, &size, const_cast<char*>(bytes.data()),
                                              static_cast<unsigned>(bytes.size()), level, 0, 0);
  return status == BZ_OK ? size : 0;
}

std::size_t blosc_compress(std::string_view bytes, char* to) {
  constexpr int level = 5;
  constexpr std::size_t element_size = 8;
  const int size = blosc_compress_ctx(level, BLOSC_SHUFFLE, element_size, bytes.size(), bytes.data(), to, room,
                                      BLOSC_LZ4_COMPNAME, 0, 1);
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

}  // namespace

Limits codec_limits(const std::filesystem::path& text) {
  if (text.empty()) return {};
  return {
      {"compress_lz4", "bytes/s", [=] { return compression_rate(text, lz4()); }},
      {"compress_zstd", "bytes/s", [=] { return compression_rate(text, zstd()); }},
      {"compress_snappy", "bytes/s", [=] { return compression_rate(text, snappy_compress); }},
      {"compress_zlib", "bytes/s", [=] { return compression_rate(text, zlib()); }},
      {"compress_bz2", "bytes/s", [=] { return compression_rate(text, bz2_compress); }},
      {"compress_blosc", "bytes/s", [=] { return compression_rate(text, blosc_compress); }},
  };
}

}  // namespace bench
