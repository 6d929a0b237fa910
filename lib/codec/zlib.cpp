// zlib streams.
#include <new>
#include <zlib.h>

#include "codec/library.hpp"

namespace accrete {
namespace {

void set_buffers(z_stream& stream, std::string_view bytes, char* to, std::size_t room) noexcept {
  // zlib does not write to its input, but its type says so.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(to);
  stream.avail_out = static_cast<uInt>(room);
}

class ZlibCompressor final : public Compressor {
 public:
  explicit ZlibCompressor(int level) {
    if (deflateInit(&stream_, level) != Z_OK) throw std::bad_alloc();
  }
  ~ZlibCompressor() override { deflateEnd(&stream_); }

  std::size_t bound(std::size_t size) override { return deflateBound(&stream_, size); }

  std::size_t compress(std::string_view bytes, char* to) override {
    deflateReset(&stream_);
    set_buffers(stream_, bytes, to, bound(bytes.size()));
    return deflate(&stream_, Z_FINISH) == Z_STREAM_END ? stream_.total_out : 0;
  }

 private:
  z_stream stream_{};
};

class ZlibDecompressor final : public Decompressor {
 public:
  ZlibDecompressor() {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~ZlibDecompressor() override { inflateEnd(&stream_); }

  bool decompress(std::string_view bytes, std::span<char> to) override {
    inflateReset(&stream_);
    set_buffers(stream_, bytes, to.data(), to.size());
    const int status = inflate(&stream_, Z_FINISH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    return status == Z_STREAM_END && stream_.avail_in == 0 && stream_.avail_out == 0;
  }

 private:
  z_stream stream_{};
};

}  // namespace

constexpr Library zlib_library = {
    .make_compressor = [](int level) -> std::unique_ptr<Compressor> { return std::make_unique<ZlibCompressor>(level); },
    .make_decompressor = []() -> std::unique_ptr<Decompressor> { return std::make_unique<ZlibDecompressor>(); },
};

}  // namespace accrete
