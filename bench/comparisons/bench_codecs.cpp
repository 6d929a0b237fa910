// Times the codecs over chunks of a file and of random bytes, each beside the bare calls of its library on the same
// chunks, which check nothing, and where it has such, beside those that make and check a checksum as accrete does; and
// datasets with each codec beside one without: bench_codecs DIRECTORY FILE [option of Google Benchmark…]
//
// A benchmark's name is "codec/bytes/size of a chunk/what is done/subject", or "dataset/bytes/what is done/codec"; its
// counter "size" is the encoded bytes to the decoded ones.
#include <accrete/accrete.hpp>
#include <accrete/codec.hpp>
#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "codec/frame_decoder.hpp"
#include "codec/frame_encoder.hpp"
#include "limits/bare_codecs.hpp"

namespace {

using bench::BareCodec;

constexpr std::size_t kibibyte = 1024;
constexpr std::size_t mebibyte = 1024 * kibibyte;
constexpr std::size_t source_bytes = 16 * mebibyte;
constexpr std::size_t room = 2 * mebibyte;            // for what the bare calls make of a chunk
constexpr std::size_t random_bytes = 128 * mebibyte;  // through an encoder in a pass: it tries to compress few of them

struct Source {
  std::string name;
  std::string bytes;
  [[nodiscard]] bool is_random() const { return name == "random"; }
};

Source front_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes(source_bytes, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() < 64 * kibibyte) throw std::runtime_error("'" + path + "' cannot be read, or has less than 64 KiB");
  return {.name = "file", .bytes = std::move(bytes)};
}

Source noise() {
  std::mt19937_64 random(1);
  std::string bytes(source_bytes, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return {.name = "random", .bytes = std::move(bytes)};
}

bool is_slow(const std::string& codec) { return codec.starts_with("zlib") || codec.starts_with("bz2"); }

void check(bool holds) {
  if (!holds) throw std::runtime_error("what was read is not what was encoded");
}

void set_bytes(benchmark::State& state, std::size_t of_iteration) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(of_iteration));
}

double share(std::size_t part, std::size_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

/// What a codec and its library do with the chunks of a source.
class Chunks {
 public:
  Chunks(std::string codec, const Source& source, std::size_t chunk_size)
      : codec_(std::move(codec)), is_random_(source.is_random()) {
    std::string_view rest(source.bytes);
    if (is_slow(codec_)) rest = rest.substr(0, 2 * mebibyte);
    bytes_ = rest.size();
    for (; !rest.empty(); rest.remove_prefix(std::min(chunk_size, rest.size()))) {
      chunks_.push_back(rest.substr(0, chunk_size));
    }
  }

  void encode(benchmark::State& state, const std::string& codec) const {
    accrete::FrameEncoder encoder(accrete::parse_codec(codec));
    const std::size_t passes = is_random_ ? std::max<std::size_t>(1, random_bytes / bytes_) : 1;
    std::string frames;
    for (auto _ : state) {
      for (std::size_t pass = 0; pass < passes; ++pass) {
        for (const std::string_view chunk : chunks_) {
          frames.clear();
          encoder.append_frames(chunk, frames);
        }
      }
    }
    set_bytes(state, passes * bytes_);
  }

  void encode(benchmark::State& state, const BareCodec& bare) const {
    std::vector<char> to(room);
    for (auto _ : state) {
      for (const std::string_view chunk : chunks_) check(bare.encode(chunk, to) > 0);
    }
    set_bytes(state, bytes_);
  }

  void decode(benchmark::State& state) const {
    accrete::FrameEncoder encoder(accrete::parse_codec(codec_));
    std::vector<std::string> frames;
    std::size_t size = 0;
    for (const std::string_view chunk : chunks_) {
      encoder.append_frames(chunk, frames.emplace_back());
      size += frames.back().size();
    }
    accrete::FrameDecoder decoder;
    std::vector<char> to(room);
    for (auto _ : state) {
      for (std::size_t i = 0; i < chunks_.size(); ++i) {
        decoder.decode(accrete::FrameCursor(frames[i]).next().value(), std::span(to).first(chunks_[i].size()));
      }
      check(std::memcmp(to.data(), chunks_.back().data(), chunks_.back().size()) == 0);
    }
    set_bytes(state, bytes_);
    state.counters["size"] = share(size, bytes_);
  }

  void decode(benchmark::State& state, const BareCodec& bare) const {
    std::vector<char> to(room);
    std::vector<std::string> encoded;
    for (const std::string_view chunk : chunks_) encoded.emplace_back(to.data(), bare.encode(chunk, to));
    for (auto _ : state) {
      for (std::size_t i = 0; i < chunks_.size(); ++i) {
        check(bare.decode(encoded[i], std::span(to).first(chunks_[i].size())) == chunks_[i].size());
      }
    }
    set_bytes(state, bytes_);
  }

  [[nodiscard]] const std::string& codec() const { return codec_; }
  [[nodiscard]] bool is_random() const { return is_random_; }

 private:
  std::string codec_;
  bool is_random_;
  std::size_t bytes_ = 0;
  std::vector<std::string_view> chunks_;
};

void add_chunks(const std::string& name, const Chunks& chunks) {
  const auto add = [&](const char* subject, const auto& work) {
    benchmark::RegisterBenchmark((name + subject).c_str(), work);
  };
  const auto add_bare = [&](const std::string& subject, const BareCodec& bare) {
    add(("encode/" + subject).c_str(), [=](benchmark::State& state) { chunks.encode(state, bare); });
    add(("decode/" + subject).c_str(), [=](benchmark::State& state) { chunks.decode(state, bare); });
  };
  add("encode/accrete", [=](benchmark::State& state) { chunks.encode(state, chunks.codec()); });
  add("decode/accrete", [=](benchmark::State& state) { chunks.decode(state); });
  add_bare("bare", bench::bare_codec(chunks.codec()));
  if (const auto checked = bench::bare_codec_with_checksum(chunks.codec())) add_bare("bare, checksum", *checked);
  if (chunks.is_random()) {
    add("encode/accrete, stored", [=](benchmark::State& state) { chunks.encode(state, "stored"); });
  }
}

/// A dataset to which the source is appended, over and over, by 64 KiB over 64 keys. Nothing is synced, and what is
/// read is cached.
class CompressedDataset {
 public:
  CompressedDataset(std::string path, std::string codec, const Source& source)
      : path_(std::move(path)),
        codec_(std::move(codec)),
        source_(source.bytes),
        chunks_((is_slow(codec_) ? 16 : 128) * mebibyte / chunk_size) {}

  void append(benchmark::State& state) const {
    for (auto _ : state) {
      const auto store = create();
      const auto begin = std::chrono::steady_clock::now();
      append_to(*store);
      state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
      const accrete::Stats stats = store->stats();
      state.counters["size"] = share(stats.stored_bytes, stats.bytes);
      accrete::destroy(path_);
    }
    set_bytes(state, chunks_ * chunk_size);
  }

  void get(benchmark::State& state) const {
    const auto store = create();
    append_to(*store);
    check(store->get("0").starts_with(chunk(0)));
    for (auto _ : state) {
      std::size_t read = 0;
      for (std::size_t i = 0; i < keys; ++i) read += store->get(std::to_string(i)).size();
      check(read == chunks_ * chunk_size);
    }
    set_bytes(state, chunks_ * chunk_size);
    accrete::destroy(path_);
  }

 private:
  static constexpr std::size_t keys = 64;
  static constexpr std::size_t chunk_size = 64 * kibibyte;

  [[nodiscard]] std::unique_ptr<accrete::Store> create() const {
    accrete::create(path_, {.codec = codec_ == "none" ? std::nullopt : std::optional(accrete::parse_codec(codec_))});
    return accrete::open(path_);
  }
  [[nodiscard]] std::string_view chunk(std::size_t i) const {
    return source_.substr(i * chunk_size % (source_.size() / chunk_size * chunk_size), chunk_size);
  }
  void append_to(accrete::Store& store) const {
    for (std::size_t i = 0; i < chunks_; ++i) store.append(std::to_string(i % keys), chunk(i));
  }

  std::string path_;
  std::string codec_;
  std::string_view source_;
  std::size_t chunks_;
};

void add_dataset(const std::string& directory, const std::string& codec, const Source& source) {
  const CompressedDataset dataset(std::filesystem::path(directory) / "compressed.accrete", codec, source);
  const std::string name = "dataset/" + source.name;
  benchmark::RegisterBenchmark((name + "/append/" + codec).c_str(), [=](auto& state) {
    dataset.append(state);
  })->UseManualTime();
  benchmark::RegisterBenchmark((name + "/get/" + codec).c_str(), [=](auto& state) {
    dataset.get(state);
  })->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 3) {
    std::cerr << "usage: bench_codecs DIRECTORY FILE [option of Google Benchmark…]\n";
    return 2;
  }
  try {
    const Source file = front_of(argv[2]);
    const Source random = noise();
    for (const Source* source : {&file, &random}) {
      for (const std::string& codec : accrete::codec_names()) {
        for (const std::size_t chunk_size : {4 * kibibyte, 64 * kibibyte, mebibyte}) {
          const std::string size = std::to_string(chunk_size / kibibyte) + " KiB/";
          add_chunks(codec + "/" + source->name + "/" + size, Chunks(codec, *source, chunk_size));
        }
      }
      add_dataset(argv[1], "none", *source);
      for (const std::string& codec : accrete::codec_names()) add_dataset(argv[1], codec, *source);
    }
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    std::cerr << "bench_codecs: " << error.what() << '\n';
    return 1;
  }
}
