// Times the codecs over chunks of a file and of random bytes, each beside the bare calls of its library on the same
// chunks, which check nothing, and where it has such, beside those that make and check a checksum as accrete does; and
// beside no compression where the bytes are random: bench_codec FILE [CODEC…]
//
// Prints "codec, bytes, size of a chunk, what is done<TAB>subject<TAB>number": MB/s of the decoded bytes, medians of
// rounds in which the subjects take turns; and for "size" the encoded bytes to the decoded ones.
#include <accrete/codec.hpp>
#include <algorithm>
#include <array>
#include <blosc.h>
#include <bzlib.h>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <lz4.h>
#include <lz4frame.h>
#include <memory>
#include <optional>
#include <random>
#include <snappy.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>
#include <zlib.h>
#include <zstd.h>

#include "codec/frame_decoder.hpp"
#include "codec/frame_encoder.hpp"

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t rounds = 9;
constexpr std::size_t room = 2 * mebibyte;            // for what the bare calls make of a chunk
constexpr std::size_t random_bytes = 128 * mebibyte;  // through an encoder in a round: it tries to compress few of them

/// The library's calls, with contexts that are used again where it has them.
struct Bare {
  std::function<std::size_t(std::string_view, char*)> encode;
  std::function<std::size_t(std::string_view, std::span<char>)> decode;
};

Bare bare_stored() {
  return {.encode =
              [](std::string_view bytes, char* to) {
                std::memcpy(to, bytes.data(), bytes.size());
                return bytes.size();
              },
          .decode =
              [](std::string_view bytes, std::span<char> to) {
                std::memcpy(to.data(), bytes.data(), bytes.size());
                return bytes.size();
              }};
}

Bare bare_lz4() {
  return {.encode =
              [](std::string_view bytes, char* to) {
                return static_cast<std::size_t>(
                    LZ4_compress_default(bytes.data(), to, static_cast<int>(bytes.size()), static_cast<int>(room)));
              },
          .decode =
              [](std::string_view bytes, std::span<char> to) {
                return static_cast<std::size_t>(LZ4_decompress_safe(
                    bytes.data(), to.data(), static_cast<int>(bytes.size()), static_cast<int>(to.size())));
              }};
}

Bare bare_lz4_frames() {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  preferences.frameInfo.blockSizeID = LZ4F_max1MB;
  LZ4F_dctx* context = nullptr;
  LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
  const std::shared_ptr<LZ4F_dctx> decompressing(context, LZ4F_freeDecompressionContext);
  return {.encode = [=](std::string_view bytes,
                        char* to) { return LZ4F_compressFrame(to, room, bytes.data(), bytes.size(), &preferences); },
          .decode =
              [=](std::string_view bytes, std::span<char> to) {
                std::size_t size = to.size();
                std::size_t read = bytes.size();
                const std::size_t left =
                    LZ4F_decompress(decompressing.get(), to.data(), &size, bytes.data(), &read, nullptr);
                return left == 0 ? size : 0;
              }};
}

Bare bare_zstd(int level, bool with_checksum) {
  const std::shared_ptr<ZSTD_CCtx> compressing(ZSTD_createCCtx(), ZSTD_freeCCtx);
  const std::shared_ptr<ZSTD_DCtx> decompressing(ZSTD_createDCtx(), ZSTD_freeDCtx);
  ZSTD_CCtx_setParameter(compressing.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(compressing.get(), ZSTD_c_checksumFlag, with_checksum ? 1 : 0);
  return {.encode = [=](std::string_view bytes,
                        char* to) { return ZSTD_compress2(compressing.get(), to, room, bytes.data(), bytes.size()); },
          .decode =
              [=](std::string_view bytes, std::span<char> to) {
                return ZSTD_decompressDCtx(decompressing.get(), to.data(), to.size(), bytes.data(), bytes.size());
              }};
}

Bare bare_snappy() {
  return {.encode =
              [](std::string_view bytes, char* to) {
                std::size_t size = 0;
                snappy::RawCompress(bytes.data(), bytes.size(), to, &size);
                return size;
              },
          .decode =
              [](std::string_view bytes, std::span<char> to) {
                return snappy::RawUncompress(bytes.data(), bytes.size(), to.data()) ? to.size() : 0;
              }};
}

Bare bare_zlib(int level) {
  return {.encode =
              [=](std::string_view bytes, char* to) {
                uLongf size = room;
                compress2(reinterpret_cast<Bytef*>(to), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                          bytes.size(), level);
                return size;
              },
          .decode =
              [](std::string_view bytes, std::span<char> to) {
                uLongf size = to.size();
                uncompress(reinterpret_cast<Bytef*>(to.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                           bytes.size());
                return size;
              }};
}

Bare bare_bz2(int level) {
  return {.encode =
              [=](std::string_view bytes, char* to) {
                unsigned size = room;
                BZ2_bzBuffToBuffCompress(to, &size, const_cast<char*>(bytes.data()),
                                         static_cast<unsigned>(bytes.size()), level, 0, 0);
                return std::size_t{size};
              },
          .decode =
              [](std::string_view bytes, std::span<char> to) {
                auto size = static_cast<unsigned>(to.size());
                BZ2_bzBuffToBuffDecompress(to.data(), &size, const_cast<char*>(bytes.data()),
                                           static_cast<unsigned>(bytes.size()), 0, 0);
                return std::size_t{size};
              }};
}

Bare bare_blosc(std::size_t element_size) {
  return {.encode =
              [=](std::string_view bytes, char* to) {
                return static_cast<std::size_t>(blosc_compress_ctx(5, BLOSC_SHUFFLE, element_size, bytes.size(),
                                                                   bytes.data(), to, room, BLOSC_LZ4_COMPNAME, 0, 1));
              },
          .decode =
              [](std::string_view bytes, std::span<char> to) {
                return static_cast<std::size_t>(blosc_decompress_ctx(bytes.data(), to.data(), to.size(), 1));
              }};
}

std::string method_of(const std::string& codec) { return codec.substr(0, codec.find(':')); }

int level_of(const std::string& codec, int usual) {
  const std::size_t colon = codec.find(':');
  return colon == std::string::npos ? usual : std::stoi(codec.substr(colon + 1));
}

Bare bare_calls(const std::string& codec) {
  const std::string method = method_of(codec);
  const auto level = [&](int usual) { return level_of(codec, usual); };
  if (method == "stored") return bare_stored();
  if (method == "lz4") return bare_lz4();
  if (method == "zstd") return bare_zstd(level(3), false);
  if (method == "snappy") return bare_snappy();
  if (method == "zlib") return bare_zlib(level(6));
  if (method == "bz2") return bare_bz2(level(9));
  return bare_blosc(static_cast<std::size_t>(level(8)));
}

std::optional<Bare> bare_calls_with_checksum(const std::string& codec) {
  const std::string method = method_of(codec);
  if (method == "lz4") return bare_lz4_frames();
  if (method == "zstd") return bare_zstd(level_of(codec, 3), true);
  return std::nullopt;
}

std::vector<std::string_view> chunks_of(std::string_view bytes, std::size_t size) {
  std::vector<std::string_view> chunks;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) chunks.push_back(bytes.substr(0, size));
  return chunks;
}

struct Subject {
  std::string name;
  std::size_t bytes = 0;  // decoded, of a round
  std::function<void()> work;
};

/// After one round for each that does not count.
void report(const std::string& what, const std::vector<Subject>& subjects) {
  std::vector<std::vector<double>> speeds(subjects.size());
  for (std::size_t round = 0; round <= rounds; ++round) {
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      const std::clock_t begin = std::clock();
      subjects[i].work();
      const double taken = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
      if (round > 0) speeds[i].push_back(static_cast<double>(subjects[i].bytes) / taken / 1e6);
    }
  }
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    std::nth_element(speeds[i].begin(), speeds[i].begin() + rounds / 2, speeds[i].end());
    std::cout << what << '\t' << subjects[i].name << '\t' << speeds[i][rounds / 2] << std::endl;
  }
}

void check(bool holds) {
  if (!holds) throw std::runtime_error("what was encoded is not what was decoded");
}

class Measurement {
 public:
  Measurement(const std::string& codec, std::string_view bytes, bool is_random, std::size_t chunk_size)
      : codec_(codec),
        what_(codec + (is_random ? ", random, " : ", file, ") + std::to_string(chunk_size / 1024) + " KiB, "),
        bytes_(bytes),
        is_random_(is_random),
        chunks_(chunks_of(bytes, chunk_size)),
        bare_(bare_calls(codec)),
        checked_(bare_calls_with_checksum(codec)) {}

  void run() {
    encode();
    decode();
  }

 private:
  void encode() {
    accrete::FrameEncoder encoder(accrete::parse_codec(codec_));
    accrete::FrameEncoder storing{accrete::Codec{}};
    const std::size_t passes = is_random_ ? std::max<std::size_t>(1, random_bytes / bytes_.size()) : 1;
    std::string frames;
    const auto encode_all = [&](accrete::FrameEncoder& with) {
      for (std::size_t pass = 0; pass < passes; ++pass) {
        for (const std::string_view chunk : chunks_) {
          frames.clear();
          with.append_frames(chunk, frames);
        }
      }
    };
    const auto encode_bare = [&](const Bare& with) {
      for (const std::string_view chunk : chunks_) with.encode(chunk, buffer_.get());
    };
    std::vector<Subject> subjects = {{"accrete", passes * bytes_.size(), [&] { encode_all(encoder); }},
                                     {"bare", bytes_.size(), [&] { encode_bare(bare_); }}};
    if (checked_) subjects.push_back({"bare, checksum", bytes_.size(), [&] { encode_bare(*checked_); }});
    if (is_random_) subjects.push_back({"accrete, stored", passes * bytes_.size(), [&] { encode_all(storing); }});
    report(what_ + "encode", subjects);
  }

  void decode() {
    accrete::FrameEncoder encoder(accrete::parse_codec(codec_));
    std::vector<std::string> frames;
    std::size_t size = 0;
    for (const std::string_view chunk : chunks_) {
      encoder.append_frames(chunk, frames.emplace_back());
      size += frames.back().size();
    }
    const auto encoded_bare = [&](const Bare& with) {
      std::vector<std::string> bare;
      for (const std::string_view chunk : chunks_) bare.emplace_back(buffer_.get(), with.encode(chunk, buffer_.get()));
      return bare;
    };
    const std::vector<std::string> bare = encoded_bare(bare_);
    const std::vector<std::string> checked = checked_ ? encoded_bare(*checked_) : std::vector<std::string>{};
    std::cout << what_ << "size\taccrete\t" << static_cast<double>(size) / static_cast<double>(bytes_.size()) << '\n';
    accrete::FrameDecoder decoder;
    const auto to = [&](std::size_t i) { return std::span(buffer_.get(), chunks_[i].size()); };
    const auto decode_frames = [&] {
      for (std::size_t i = 0; i < chunks_.size(); ++i) {
        decoder.decode(accrete::FrameCursor(frames[i]).next().value(), to(i));
      }
      check(std::memcmp(buffer_.get(), chunks_.back().data(), chunks_.back().size()) == 0);
    };
    const auto decode_bare = [&](const Bare& with, const std::vector<std::string>& encoded) {
      for (std::size_t i = 0; i < chunks_.size(); ++i) check(with.decode(encoded[i], to(i)) == chunks_[i].size());
    };
    std::vector<Subject> subjects = {{"accrete", bytes_.size(), decode_frames},
                                     {"bare", bytes_.size(), [&] { decode_bare(bare_, bare); }}};
    if (checked_) subjects.push_back({"bare, checksum", bytes_.size(), [&] { decode_bare(*checked_, checked); }});
    report(what_ + "decode", subjects);
  }

  const std::string codec_;
  const std::string what_;
  const std::string_view bytes_;
  const bool is_random_;
  const std::vector<std::string_view> chunks_;
  const Bare bare_;
  const std::optional<Bare> checked_;
  const std::unique_ptr<char[]> buffer_ = std::make_unique<char[]>(room);
};

std::string read_front(const std::string& path, std::size_t size) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes(size, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.empty()) throw std::runtime_error("cannot read '" + path + "', or it is empty");
  return bytes;
}

std::string noise(std::size_t size) {
  std::mt19937_64 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: bench_codec FILE [CODEC…]\n";
    return 2;
  }
  try {
    std::vector<std::string> codecs(argv + 2, argv + argc);
    if (codecs.empty()) codecs = accrete::codec_names();
    const std::string file = read_front(argv[1], 16 * mebibyte);
    const std::string random = noise(16 * mebibyte);
    for (const std::string& codec : codecs) {
      const bool is_slow = codec.starts_with("zlib") || codec.starts_with("bz2");
      for (const auto& [bytes, is_random] : {std::pair<std::string_view, bool>{file, false}, {random, true}}) {
        for (const std::size_t chunk_size : {std::size_t{4096}, std::size_t{65536}, mebibyte}) {
          Measurement(codec, bytes.substr(0, is_slow ? 2 * mebibyte : bytes.size()), is_random, chunk_size).run();
        }
      }
    }
  } catch (const std::exception& error) {
    std::cerr << "bench_codec: " << error.what() << '\n';
    return 1;
  }
}
