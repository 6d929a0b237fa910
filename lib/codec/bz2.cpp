// bzip2 streams. The library has no way to begin a stream anew in the memory of another, so its memory is kept for it:
// otherwise each call would have the system clear up to 8 MB.
#include <algorithm>
#include <bzlib.h>
#include <new>
#include <vector>

#include "codec/library.hpp"

namespace accrete {
namespace {

/// The memory of one stream at a time.
class KeptMemory {
 public:
  void hook_into(bz_stream& stream) noexcept {
    stream.opaque = this;
    stream.bzalloc = [](void* self, int count, int size) -> void* {
      return static_cast<KeptMemory*>(self)->take(static_cast<std::size_t>(count) * static_cast<std::size_t>(size));
    };
    stream.bzfree = [](void* self, void* bytes) { static_cast<KeptMemory*>(self)->give_back(bytes); };
  }

 private:
  struct Block {
    std::vector<char> bytes{};
    bool used = false;
  };

  /// nullptr if there is no memory. A stream asks in the same order each time, so that blocks soon fit.
  void* take(std::size_t size) noexcept {
    try {
      auto block = std::find_if(blocks_.begin(), blocks_.end(), [](const Block& b) { return !b.used; });
      if (block == blocks_.end()) block = blocks_.emplace(blocks_.end());
      if (block->bytes.size() < size) block->bytes = std::vector<char>(size);
      block->used = true;
      return block->bytes.data();
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }

  void give_back(void* bytes) noexcept {
    for (Block& block : blocks_) {
      if (block.bytes.data() == bytes) block.used = false;
    }
  }

  std::vector<Block> blocks_{};
};

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
    memory_.hook_into(stream);
    if (BZ2_bzCompressInit(&stream, level_, 0, 0) != BZ_OK) return 0;
    const std::size_t room = bound(bytes.size());
    set_buffers(stream, bytes, to, room);
    const int status = BZ2_bzCompress(&stream, BZ_FINISH);
    BZ2_bzCompressEnd(&stream);
    return status == BZ_STREAM_END ? room - stream.avail_out : 0;
  }

 private:
  const int level_;
  KeptMemory memory_;
};

class Bz2Decompressor final : public Decompressor {
 public:
  bool decompress(std::string_view bytes, std::span<char> to) override {
    bz_stream stream{};
    memory_.hook_into(stream);
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) throw std::bad_alloc();
    set_buffers(stream, bytes, to.data(), to.size());
    const int status = BZ2_bzDecompress(&stream);
    BZ2_bzDecompressEnd(&stream);
    if (status == BZ_MEM_ERROR) throw std::bad_alloc();
    return status == BZ_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
  }

 private:
  KeptMemory memory_;
};

}  // namespace

constexpr Library bz2_library = {
    .make_compressor = [](int level) -> std::unique_ptr<Compressor> { return std::make_unique<Bz2Compressor>(level); },
    .make_decompressor = []() -> std::unique_ptr<Decompressor> { return std::make_unique<Bz2Decompressor>(); },
};

}  // namespace accrete
