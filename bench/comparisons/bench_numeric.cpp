// Times reading an array of doubles back, beside memcpy of the same bytes: bench_numeric DIRECTORY [option of Google
// Benchmark…]
//
// A new vector is compared with two copies: into one whose memory was asked for in large pages, as `get` does, and into
// one as std::vector makes it, in small pages, which takes far longer. Where pages are touched before, it makes no
// difference. The limit is what the system takes to copy the value's bytes from its cache, into large pages, too.
//
// A benchmark's name is "pattern/subject". Patterns and sizes are those of partd_typed.py; what is read is in the page
// cache.
#include <accrete/accrete.hpp>
#include <accrete/numeric.hpp>
#include <benchmark/benchmark.h>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>

namespace {

constexpr std::size_t append_elements = 100'000;
constexpr std::size_t appends = 80;
constexpr std::size_t elements = append_elements * appends;

std::vector<double> copied_to_large_pages(const std::vector<double>& from) {
  std::vector<double> copy;
  copy.reserve(from.size());
  accrete::detail::prepare_to_fill({reinterpret_cast<std::byte*>(copy.data()), from.size() * sizeof(double)});
  copy.insert(copy.end(), from.begin(), from.end());
  return copy;
}

std::size_t read_to_large_pages(const accrete::Store& store, std::size_t size) {
  const std::unique_ptr<char[]> room = std::make_unique_for_overwrite<char[]>(size);
  const std::span<char> to(room.get(), size);
  accrete::detail::prepare_to_fill(std::as_writable_bytes(to));
  return store.get_range_into("k", 0, to);
}

std::size_t count_in_pieces(const accrete::Numeric<double>& numeric) {
  std::size_t count = 0;
  accrete::NumericPieces<double> pieces = numeric.pieces("k");
  for (std::span<const double> some; !(some = pieces.next()).empty();) count += some.size();
  return count;
}

void require(bool holds) {
  if (!holds) throw std::runtime_error("what was read is not what was appended");
}

/// `work` says how many of the elements it has read.
template <typename Work>
void add(const char* name, std::size_t expected, const Work& work) {
  benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
    for (auto _ : state) require(work() == expected);
    state.SetBytesProcessed(state.iterations() * std::int64_t{elements * sizeof(double)});
  })->UseRealTime();
}

void bench(const std::string& dataset) {
  std::vector<double> source(append_elements);
  std::iota(source.begin(), source.end(), 0.5);
  accrete::create(dataset);
  accrete::Numeric<double> numeric{accrete::open(dataset)};
  std::vector<double> all;
  for (std::size_t i = 0; i < appends; ++i) {
    numeric.append("k", source);
    all.insert(all.end(), source.begin(), source.end());
  }
  std::vector<double> room(elements);
  const std::size_t stored_bytes = numeric.store().size("k").value();
  add("get all/accrete", elements, [&] { return numeric.get("k").size(); });
  add("get all/read alone, large pages", stored_bytes,
      [&, stored_bytes] { return read_to_large_pages(numeric.store(), stored_bytes); });
  add("get all/memcpy, large pages", elements, [&] { return copied_to_large_pages(all).size(); });
  add("get all/memcpy, small pages", elements, [&] { return std::vector<double>(all).size(); });
  add("get into a span/accrete", elements, [&] { return numeric.get_into("k", room); });
  add("get into a span/memcpy, pages touched", elements, [&] {
    std::memcpy(room.data(), all.data(), elements * sizeof(double));
    benchmark::ClobberMemory();
    return room.size();
  });
  add("in pieces/accrete", elements, [&] { return count_in_pieces(numeric); });
  benchmark::RunSpecifiedBenchmarks();
  require(numeric.get("k") == all);
  accrete::destroy(dataset);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::cerr << "usage: bench_numeric DIRECTORY [option of Google Benchmark…]\n";
    return 2;
  }
  try {
    bench(std::filesystem::path(argv[1]) / "numeric.accrete");
  } catch (const std::exception& error) {
    std::cerr << "bench_numeric: " << error.what() << '\n';
    return 1;
  }
}
