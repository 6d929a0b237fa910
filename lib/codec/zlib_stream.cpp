// Streams of gzip.
#include <accrete/error.hpp>
#include <new>
#include <string>
#include <zlib.h>

#include "codec/stream_decoder.hpp"

namespace accrete {
namespace {

class GzipDecoder final : public StreamDecoder {
 public:
  GzipDecoder() {
    constexpr int gzip_header = 16;
    if (inflateInit2(&stream_, MAX_WBITS + gzip_header) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  Step decode(std::string_view from, std::span<char> to) override {
    if (is_over_) inflateReset(&stream_);
    const auto input = bounded<uInt>(from.size());
    const auto room = bounded<uInt>(to.size());
    // zlib does not write to its input, but its type says so.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
    stream_.avail_in = input;
    stream_.next_out = reinterpret_cast<Bytef*>(to.data());
    stream_.avail_out = room;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      throw CorruptionError(std::string("the gzip stream is damaged: ") +
                            (stream_.msg ? stream_.msg : "it makes no sense"));
    }
    is_over_ = status == Z_STREAM_END;
    return {.read = input - stream_.avail_in, .written = room - stream_.avail_out, .is_over = is_over_};
  }

 private:
  z_stream stream_{};
  bool is_over_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> make_gzip_decoder() { return std::make_unique<GzipDecoder>(); }

}  // namespace accrete
