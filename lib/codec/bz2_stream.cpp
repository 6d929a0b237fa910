// Streams of bzip2.
#include <accrete/error.hpp>
#include <bzlib.h>
#include <new>

#include "codec/stream_decoder.hpp"

namespace accrete {
namespace {

class Bzip2Decoder final : public StreamDecoder {
 public:
  Bzip2Decoder() { begin(); }
  ~Bzip2Decoder() override { BZ2_bzDecompressEnd(&stream_); }
  Bzip2Decoder(const Bzip2Decoder&) = delete;
  Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;

  Step decode(std::string_view from, std::span<char> to) override {
    if (is_over_) {
      BZ2_bzDecompressEnd(&stream_);
      begin();
    }
    const auto input = bounded<unsigned>(from.size());
    const auto room = bounded<unsigned>(to.size());
    // bzip2 does not write to its input, but its type says so.
    stream_.next_in = const_cast<char*>(from.data());
    stream_.avail_in = input;
    stream_.next_out = to.data();
    stream_.avail_out = room;
    const int status = BZ2_bzDecompress(&stream_);
    if (status == BZ_MEM_ERROR) throw std::bad_alloc();
    if (status != BZ_OK && status != BZ_STREAM_END) throw CorruptionError("the bzip2 stream is damaged");
    is_over_ = status == BZ_STREAM_END;
    return {.read = input - stream_.avail_in, .written = room - stream_.avail_out, .is_over = is_over_};
  }

 private:
  void begin() {
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
  }

  bz_stream stream_{};
  bool is_over_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> make_bzip2_decoder() { return std::make_unique<Bzip2Decoder>(); }

}  // namespace accrete
