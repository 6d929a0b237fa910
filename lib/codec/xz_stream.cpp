// Streams of xz.
#include <accrete/error.hpp>
#include <limits>
#include <lzma.h>
#include <new>

#include "codec/stream_decoder.hpp"

namespace accrete {
namespace {

class XzDecoder final : public StreamDecoder {
 public:
  XzDecoder() { begin(); }
  ~XzDecoder() override { lzma_end(&stream_); }
  XzDecoder(const XzDecoder&) = delete;
  XzDecoder& operator=(const XzDecoder&) = delete;

  Step decode(std::string_view from, std::span<char> to) override {
    if (is_over_) begin();
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(from.data());
    stream_.avail_in = from.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(to.data());
    stream_.avail_out = to.size();
    const lzma_ret status = lzma_code(&stream_, LZMA_RUN);
    if (status == LZMA_MEM_ERROR) throw std::bad_alloc();
    if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR) {
      throw CorruptionError("the xz stream is damaged");
    }
    is_over_ = status == LZMA_STREAM_END;
    return {.read = from.size() - stream_.avail_in, .written = to.size() - stream_.avail_out, .is_over = is_over_};
  }

 private:
  void begin() {
    constexpr std::uint64_t any_memory = std::numeric_limits<std::uint64_t>::max();
    if (lzma_stream_decoder(&stream_, any_memory, 0) != LZMA_OK) throw std::bad_alloc();
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool is_over_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> make_xz_decoder() { return std::make_unique<XzDecoder>(); }

}  // namespace accrete
