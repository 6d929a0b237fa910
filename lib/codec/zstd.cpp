// Zstandard frames, without their own checksum.
#include <new>
#include <zstd.h>

#include "codec/library.hpp"

namespace accrete {
namespace {

struct Free {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

class ZstdCompressor final : public Compressor {
 public:
  explicit ZstdCompressor(int level) : level_(level) {
    if (!context_) throw std::bad_alloc();
  }

  std::size_t bound(std::size_t size) override { return ZSTD_compressBound(size); }

  std::size_t compress(std::string_view bytes, char* to) override {
    const std::size_t size =
        ZSTD_compressCCtx(context_.get(), to, bound(bytes.size()), bytes.data(), bytes.size(), level_);
    return ZSTD_isError(size) ? 0 : size;
  }

 private:
  const int level_;
  std::unique_ptr<ZSTD_CCtx, Free> context_{ZSTD_createCCtx()};
};

class ZstdDecompressor final : public Decompressor {
 public:
  ZstdDecompressor() {
    if (!context_) throw std::bad_alloc();
  }

  bool decompress(std::string_view bytes, std::span<char> to) override {
    return ZSTD_decompressDCtx(context_.get(), to.data(), to.size(), bytes.data(), bytes.size()) == to.size();
  }

 private:
  std::unique_ptr<ZSTD_DCtx, Free> context_{ZSTD_createDCtx()};
};

}  // namespace

constexpr Library zstd_library = {
    .make_compressor = [](int level) -> std::unique_ptr<Compressor> { return std::make_unique<ZstdCompressor>(level); },
    .make_decompressor = []() -> std::unique_ptr<Decompressor> { return std::make_unique<ZstdDecompressor>(); },
};

}  // namespace accrete
