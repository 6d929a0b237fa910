// Times appending to, and reading back from, a dataset with each codec and one without: bench_compressed DIRECTORY FILE
//
// Prints "bytes, what is done<TAB>subject<TAB>MB/s of the bytes that were appended". 128 MiB of the file, over and
// over, or of random bytes, in appends of 64 KiB over 64 keys of a new dataset; nothing is synced, and what is read is
// cached.
#include <accrete/accrete.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t chunk_bytes = 64 * 1024;
constexpr std::size_t keys = 64;
constexpr std::size_t source_bytes = 16 * mebibyte;
constexpr std::size_t appended_bytes = 128 * mebibyte;
constexpr std::size_t slow_appended_bytes = 16 * mebibyte;  // by the codecs that take long

std::string front_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes(source_bytes, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() < chunk_bytes) throw std::runtime_error("'" + path + "' cannot be read, or has less than 64 KiB");
  return bytes;
}

std::string noise() {
  std::mt19937_64 random(1);
  std::string bytes(source_bytes, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

double megabytes_a_second(std::size_t bytes, const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(bytes) / taken.count() / 1e6;
}

void bench(const std::string& dataset, const std::string& codec, const std::string& name, std::string_view source) {
  const bool is_slow = codec.starts_with("zlib") || codec.starts_with("bz2");
  const std::size_t chunks = (is_slow ? slow_appended_bytes : appended_bytes) / chunk_bytes;
  const auto chunk = [&](std::size_t i) {
    return source.substr(i * chunk_bytes % (source.size() / chunk_bytes * chunk_bytes), chunk_bytes);
  };
  const auto key = [](std::size_t i) { return std::to_string(i % keys); };
  accrete::create(dataset, {.codec = codec == "none" ? std::nullopt : std::optional(accrete::parse_codec(codec))});
  const auto store = accrete::open(dataset);
  const double append = megabytes_a_second(chunks * chunk_bytes, [&] {
    for (std::size_t i = 0; i < chunks; ++i) store->append(key(i), chunk(i));
  });
  std::size_t read = 0;
  const double get = megabytes_a_second(chunks * chunk_bytes, [&] {
    for (std::size_t i = 0; i < keys; ++i) read += store->get(key(i)).size();
  });
  if (read != chunks * chunk_bytes || !store->get("0").starts_with(chunk(0))) {
    throw std::runtime_error("what was read is not what was appended");
  }
  const accrete::Stats stats = store->stats();
  std::cout << name << ", append\t" << codec << '\t' << append << '\n'
            << name << ", get\t" << codec << '\t' << get << '\n'
            << name << ", size\t" << codec << '\t'
            << static_cast<double>(stats.stored_bytes) / static_cast<double>(stats.bytes) << std::endl;
  accrete::destroy(dataset);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: bench_compressed DIRECTORY FILE\n";
    return 2;
  }
  try {
    const std::string dataset = std::filesystem::path(argv[1]) / "compressed.accrete";
    std::vector<std::string> codecs = accrete::codec_names();
    codecs.insert(codecs.begin(), "none");
    const std::string file = front_of(argv[2]);
    const std::string random = noise();
    for (const std::string& codec : codecs) {
      bench(dataset, codec, "file", file);
      bench(dataset, codec, "random", random);
    }
  } catch (const std::exception& error) {
    std::cerr << "bench_compressed: " << error.what() << '\n';
    return 1;
  }
}
