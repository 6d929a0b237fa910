// Each codec over pieces of a file and of random bytes, beside the bare calls of its library on the same pieces, which
// check nothing, and where it has such, beside those that make and check a checksum as accrete does; and datasets with
// each codec beside one without. The counter "size" is the encoded bytes to the decoded ones.
#include <accrete/accrete.hpp>
#include <accrete/codec.hpp>
#include <algorithm>
#include <cstring>
#include <iostream>
#include <lz4frame.h>
#include <memory>
#include <random>
#include <span>
#include <string_view>
#include <vector>
#include <zstd.h>

#include "codec/frame_decoder.hpp"
#include "codec/frame_encoder.hpp"
#include "limits/bare_codecs.hpp"
#include "text.hpp"
#include "timing.hpp"

namespace bench {
namespace {

constexpr std::size_t source_bytes = 16 * mebibyte;

std::string noise() {
  std::string bytes(source_bytes, '\0');
  std::ranges::generate(bytes, [random = std::mt19937_64(1)]() mutable { return static_cast<char>(random()); });
  return bytes;
}

bool is_slow(const std::string& codec) { return codec.starts_with("zlib") || codec.starts_with("bz2"); }

double share(std::size_t part, std::size_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

std::size_t copy(Bytes bytes, To to) {
  std::memcpy(to.data(), bytes.data(), bytes.size());
  return bytes.size();
}

/// All of one size.
using Pieces = std::vector<std::string_view>;

Pieces cut(std::string_view bytes, std::size_t piece_size) {
  Pieces pieces;
  for (std::size_t at = 0; at < bytes.size(); at += piece_size) pieces.push_back(bytes.substr(at, piece_size));
  return pieces;
}

Coder accrete_frames(const std::string& codec) {
  const auto encoder = std::make_shared<accrete::FrameEncoder>(accrete::parse_codec(codec));
  const auto decoder = std::make_shared<accrete::FrameDecoder>();
  const auto frames = std::make_shared<std::string>();
  return {[=](Bytes bytes) -> Bytes {
            frames->clear();
            encoder->append_frames(bytes, *frames);
            return *frames;
          },
          [=](Bytes encoded, To to) { decoder->decode(accrete::FrameCursor(encoded).next().value(), to); }};
}

// As the libraries themselves make frames with a checksum of all bytes, which accrete has, too.

Coder lz4_frames() {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  preferences.frameInfo.blockSizeID = LZ4F_max1MB;
  LZ4F_dctx* context = nullptr;
  LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
  const std::shared_ptr<LZ4F_dctx> decompressing(context, LZ4F_freeDecompressionContext);
  const auto encode = [=](Bytes bytes, To to) {
    return LZ4F_compressFrame(to.data(), to.size(), bytes.data(), bytes.size(), &preferences);
  };
  const auto decode = [=](Bytes bytes, To to) {
    std::size_t size = to.size();
    std::size_t read = bytes.size();
    return LZ4F_decompress(decompressing.get(), to.data(), &size, bytes.data(), &read, nullptr) == 0 ? size : 0;
  };
  return coder(encode, decode);
}

Coder zstd_with_checksum() {
  const std::shared_ptr<ZSTD_CCtx> compressing(ZSTD_createCCtx(), ZSTD_freeCCtx);
  const std::shared_ptr<ZSTD_DCtx> decompressing(ZSTD_createDCtx(), ZSTD_freeDCtx);
  ZSTD_CCtx_setParameter(compressing.get(), ZSTD_c_checksumFlag, 1);
  const auto encode = [=](Bytes bytes, To to) {
    return ZSTD_compress2(compressing.get(), to.data(), to.size(), bytes.data(), bytes.size());
  };
  const auto decode = [=](Bytes bytes, To to) {
    return ZSTD_decompressDCtx(decompressing.get(), to.data(), to.size(), bytes.data(), bytes.size());
  };
  return coder(encode, decode);
}

void add_subject(const std::string& pattern, const std::string& name, const Pieces& pieces, const Coder& subject) {
  const std::size_t bytes = pieces.size() * pieces[0].size();
  const auto encode = [=](benchmark::State& state) {
    for (auto _ : state) {
      for (const std::string_view piece : pieces) benchmark::DoNotOptimize(subject.encode(piece));
    }
    set_bytes(state, bytes);
  };
  const auto decode = [=](benchmark::State& state) {
    std::vector<std::string> encoded;
    std::size_t encoded_bytes = 0;
    for (const std::string_view piece : pieces) encoded_bytes += encoded.emplace_back(subject.encode(piece)).size();
    std::vector<char> to(mebibyte);
    for (auto _ : state) {
      for (std::size_t i = 0; i < pieces.size(); ++i) subject.decode(encoded[i], std::span(to).first(pieces[i].size()));
      check(std::memcmp(to.data(), pieces.back().data(), pieces.back().size()) == 0);
    }
    set_bytes(state, bytes);
    state.counters["size"] = share(encoded_bytes, bytes);
  };
  benchmark::RegisterBenchmark((pattern + "/encode/" + name).c_str(), encode);
  benchmark::RegisterBenchmark((pattern + "/decode/" + name).c_str(), decode);
}

void add_codec(const std::string& codec, const std::string& source_name, std::string_view source) {
  if (is_slow(codec)) source = source.substr(0, 2 * mebibyte);
  for (const std::size_t piece_size : {4 * kibibyte, 64 * kibibyte, mebibyte}) {
    const std::string pattern = codec + "/" + source_name + "/" + std::to_string(piece_size / kibibyte) + " KiB";
    const Pieces pieces = cut(source, piece_size);
    add_subject(pattern, "accrete", pieces, accrete_frames(codec));
    if (source_name == "random") add_subject(pattern, "accrete, stored", pieces, accrete_frames("stored"));
    add_subject(pattern, "bare", pieces, codec == "stored" ? coder(copy, copy) : bare_codec(codec));
    if (codec == "lz4") add_subject(pattern, "bare, checksum", pieces, lz4_frames());
    if (codec == "zstd") add_subject(pattern, "bare, checksum", pieces, zstd_with_checksum());
  }
}

constexpr std::size_t keys = 64;
constexpr const char* dataset_path = "compressed.accrete";

void append_to(accrete::Store& store, const Pieces& pieces, std::size_t appends) {
  for (std::size_t i = 0; i < appends; ++i) store.append(std::to_string(i % keys), pieces[i % pieces.size()]);
}

/// The source is appended, over and over, by 64 KiB over 64 keys. Nothing is synced, and what is read is cached.
void add_dataset(const std::string& name, const std::string& source_name, std::string_view source) {
  constexpr std::size_t piece_size = 64 * kibibyte;
  const Pieces pieces = cut(source, piece_size);
  const std::size_t appends = (is_slow(name) ? 16 : 128) * mebibyte / piece_size;
  const auto create = [=] {
    accrete::create(dataset_path, {.codec = name == "none" ? std::nullopt : std::optional(accrete::parse_codec(name))});
    return accrete::open(dataset_path);
  };
  const auto append = [=](benchmark::State& state) {
    for (auto _ : state) {
      const auto store = create();
      time_only(state, [&] { append_to(*store, pieces, appends); });
      const accrete::Stats stats = store->stats();
      state.counters["size"] = share(stats.stored_bytes, stats.bytes);
      accrete::destroy(dataset_path);
    }
    set_bytes(state, appends * piece_size);
  };
  const auto get = [=](benchmark::State& state) {
    const auto store = create();
    append_to(*store, pieces, appends);
    check(store->get("0").starts_with(pieces[0]));
    for (auto _ : state) {
      for (std::size_t i = 0; i < keys; ++i) check(store->get(std::to_string(i)).size() == appends / keys * piece_size);
    }
    set_bytes(state, appends * piece_size);
    accrete::destroy(dataset_path);
  };
  const std::string pattern = "dataset/" + source_name;
  benchmark::RegisterBenchmark((pattern + "/append/" + name).c_str(), append)->UseManualTime();
  benchmark::RegisterBenchmark((pattern + "/get/" + name).c_str(), get)->UseRealTime();
}

/// Of the file, and of random bytes.
void add_codecs(const std::string& file) {
  static const std::string text = text_of(file, source_bytes);
  static const std::string random = noise();
  for (const auto& [name, source] : {std::pair("file", std::string_view(text)), {"random", random}}) {
    for (const std::string& codec : accrete::codec_names()) add_codec(codec, name, source);
    add_dataset("none", name, source);
    for (const std::string& codec : accrete::codec_names()) add_dataset(codec, name, source);
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::cerr << "usage: bench_comparisons FILE [option of Google Benchmark…]\n";
    return 2;
  }
  bench::add_codecs(argv[1]);
  benchmark::RunSpecifiedBenchmarks();
}
