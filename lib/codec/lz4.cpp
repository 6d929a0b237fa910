// LZ4 blocks.
#include <lz4.h>

#include "codec/library.hpp"

namespace accrete {
namespace {

class Lz4Compressor final : public Compressor {
 public:
  std::size_t bound(std::size_t size) override {
    return static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(size)));
  }

  std::size_t compress(std::string_view bytes, char* to) override {
    const auto size = static_cast<int>(bytes.size());
    return static_cast<std::size_t>(
        LZ4_compress_fast_extState(&state_, bytes.data(), to, size, LZ4_compressBound(size), 1));
  }

 private:
  LZ4_stream_t state_{};
};

class Lz4Decompressor final : public Decompressor {
 public:
  bool decompress(std::string_view bytes, std::span<char> to) override {
    const auto size = static_cast<int>(to.size());
    return LZ4_decompress_safe(bytes.data(), to.data(), static_cast<int>(bytes.size()), size) == size;
  }
};

}  // namespace

constexpr Library lz4_library = {
    .make_compressor = [](int) -> std::unique_ptr<Compressor> { return std::make_unique<Lz4Compressor>(); },
    .make_decompressor = []() -> std::unique_ptr<Decompressor> { return std::make_unique<Lz4Decompressor>(); },
};

}  // namespace accrete
