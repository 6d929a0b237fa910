// bzip2 streams. The library cannot begin a stream anew in the memory of another: each call allocates up to 8 MB.
#include <bzlib.h>
#include <new>

#include "codec/library.hpp"

namespace accrete {
namespace {

void set_buffers(bz_stream& stream, std::string_view bytes, char* to, std::size_t room) noexcept {
  stream.next_in = const_cast<char*>(bytes.data());  // which bzip2 does not write to, but its type says so
  stream.avail_in = static_cast<unsigned>(bytes.size());
  stream.next_out = to;
  stream.avail_out = static_cast<unsigned>(room);
}

class Bz2Compressor final : public Compressor {
 public:
  explicit Bz2Compressor(int level) noexcept : level_(level) {}

  std::size_t bound(std::size_t size) override { return size + size / 100 + 600; }

  std::size_t compress(std::string_view bytes, char* to) override {
    bz_stream stream{};
    if (BZ2_bzCompressInit(&stream, level_, 0, 0) != BZ_OK) return 0;
    const std::size_t room = bound(bytes.size());
    set_buffers(stream, bytes, to, room);
    const int status = BZ2_bzCompress(&stream, BZ_FINISH);
    BZ2_bzCompressEnd(&stream);
    return status == BZ_STREAM_END ? room - stream.avail_out : 0;
  }

 private:
  const int level_;
};

class Bz2Decompressor final : public Decompressor {
 public:
  bool decompress(std::string_view bytes, std::span<char> to) override {
    bz_stream stream{};
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) throw std::bad_alloc();
    set_buffers(stream, bytes, to.data(), to.size());
    const int status = BZ2_bzDecompress(&stream);
    BZ2_bzDecompressEnd(&stream);
    if (status == BZ_MEM_ERROR) throw std::bad_alloc();
    return status == BZ_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
  }
};

}  // namespace

constexpr Library bz2_library = {
    .make_compressor = [](int level) -> std::unique_ptr<Compressor> { return std::make_unique<Bz2Compressor>(level); },
    .make_decompressor = []() -> std::unique_ptr<Decompressor> { return std::make_unique<Bz2Decompressor>(); },
};

}  // namespace accrete
