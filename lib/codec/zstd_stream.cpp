// Streams of zstd: frames, as the program zstd writes them.
#include <accrete/error.hpp>
#include <new>
#include <string>
#include <zstd.h>

#include "codec/stream_decoder.hpp"

namespace accrete {
namespace {

class ZstdStreamDecoder final : public StreamDecoder {
 public:
  ZstdStreamDecoder() : stream_(ZSTD_createDStream()) {
    if (!stream_) throw std::bad_alloc();
  }

  Step decode(std::string_view from, std::span<char> to) override {
    ZSTD_inBuffer input{.src = from.data(), .size = from.size(), .pos = 0};
    ZSTD_outBuffer output{.dst = to.data(), .size = to.size(), .pos = 0};
    const std::size_t left = ZSTD_decompressStream(stream_.get(), &output, &input);
    if (ZSTD_isError(left))
      throw CorruptionError(std::string("the zstd stream is damaged: ") + ZSTD_getErrorName(left));
    return {.read = input.pos, .written = output.pos, .is_over = left == 0};
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
  };

  std::unique_ptr<ZSTD_DStream, Free> stream_;
};

}  // namespace

std::unique_ptr<StreamDecoder> make_zstd_decoder() { return std::make_unique<ZstdStreamDecoder>(); }

}  // namespace accrete
