// Blosc chunks: bytes shuffled by element, then LZ4. Of the library only what keeps no state of the process is used; it
// allocates a block or two for each call.
#include <blosc.h>

#include "codec/library.hpp"

namespace accrete {
namespace {

class BloscCompressor final : public Compressor {
 public:
  explicit BloscCompressor(int element_size) noexcept : element_size_(static_cast<std::size_t>(element_size)) {}

  std::size_t bound(std::size_t size) override { return size + BLOSC_MAX_OVERHEAD; }

  std::size_t compress(std::string_view bytes, char* to) override {
    constexpr int level = 5;
    const int size = blosc_compress_ctx(level, BLOSC_SHUFFLE, element_size_, bytes.size(), bytes.data(), to,
                                        bound(bytes.size()), BLOSC_LZ4_COMPNAME, 0, 1);
    return size < 0 ? 0 : static_cast<std::size_t>(size);
  }

 private:
  const std::size_t element_size_;
};

class BloscDecompressor final : public Decompressor {
 public:
  bool decompress(std::string_view bytes, std::span<char> to) override {
    std::size_t size = 0;
    if (blosc_cbuffer_validate(bytes.data(), bytes.size(), &size) != 0 || size != to.size()) return false;
    return blosc_decompress_ctx(bytes.data(), to.data(), size, 1) == static_cast<int>(size);
  }
};

}  // namespace

constexpr Library blosc_library = {
    .make_compressor = [](int element_size) -> std::unique_ptr<Compressor> {
      return std::make_unique<BloscCompressor>(element_size);
    },
    .make_decompressor = []() -> std::unique_ptr<Decompressor> { return std::make_unique<BloscDecompressor>(); },
};

}  // namespace accrete
