// Raw snappy. It allocates its table anew for each call, up to 64 KiB, and offers no other way.
#include <snappy.h>

#include "codec/library.hpp"

namespace accrete {
namespace {

class SnappyCompressor final : public Compressor {
 public:
  std::size_t bound(std::size_t size) override { return snappy::MaxCompressedLength(size); }

  std::size_t compress(std::string_view bytes, char* to) override {
    std::size_t size = 0;
    snappy::RawCompress(bytes.data(), bytes.size(), to, &size);
    return size;
  }
};

class SnappyDecompressor final : public Decompressor {
 public:
  bool decompress(std::string_view bytes, std::span<char> to) override {
    std::size_t size = 0;
    return snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size) && size == to.size() &&
           snappy::RawUncompress(bytes.data(), bytes.size(), to.data());
  }
};

}  // namespace

constexpr Library snappy_library = {
    .make_compressor = [](int) -> std::unique_ptr<Compressor> { return std::make_unique<SnappyCompressor>(); },
    .make_decompressor = []() -> std::unique_ptr<Decompressor> { return std::make_unique<SnappyDecompressor>(); },
};

}  // namespace accrete
