// Times reading an array of doubles back, beside memcpy of the same bytes: bench_numeric DIRECTORY
//
// A new vector is compared with two copies: into one whose memory was asked for in large pages, as `get` does, and into
// one as std::vector makes it, in small pages, which takes far longer. Where pages are touched before, it makes no
// difference. The limit is what the system takes to copy the value's bytes from its cache, into large pages, too.
//
// Prints "pattern<TAB>subject<TAB>nanoseconds per MiB". Patterns and sizes are those of partd_numeric.py. What is read
// is in the page cache; each number is the median of several reads that take turns.
#include <accrete/accrete.hpp>
#include <accrete/numeric.hpp>
#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>

namespace {

constexpr std::size_t append_elements = 100'000;
constexpr std::size_t appends = 80;
constexpr std::size_t elements = append_elements * appends;
constexpr int rounds = 9;

struct Subject {
  const char* pattern;
  const char* name;
  std::function<void()> work;
  std::vector<double> times{};
};

/// In turns, so that what disturbs the machine disturbs all alike.
void measure(std::vector<Subject>& subjects) {
  for (int round = 0; round < rounds; ++round) {
    for (Subject& subject : subjects) {
      const auto begin = std::chrono::steady_clock::now();
      subject.work();
      const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
      subject.times.push_back(taken.count());
    }
  }
}

void report(std::vector<Subject>& subjects) {
  constexpr double mebibytes = static_cast<double>(elements * sizeof(double)) / (1 << 20);
  for (Subject& subject : subjects) {
    std::sort(subject.times.begin(), subject.times.end());
    std::cout << subject.pattern << '\t' << subject.name << '\t' << subject.times[rounds / 2] / mebibytes << '\n';
  }
}

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

void require(bool holds) {
  if (!holds) throw std::runtime_error("what was read is not what was appended");
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
  std::vector<Subject> subjects = {
      {"get all", "accrete", [&] { require(numeric.get("k").size() == elements); }},
      {"get all", "read alone, large pages",
       [&] { require(read_to_large_pages(numeric.store(), stored_bytes) == stored_bytes); }},
      {"get all", "memcpy, large pages", [&] { require(copied_to_large_pages(all).size() == elements); }},
      {"get all", "memcpy, small pages", [&] { require(std::vector<double>(all).size() == elements); }},
      {"get into a span", "accrete", [&] { require(numeric.get_into("k", room) == elements); }},
      {"get into a span", "memcpy, pages touched",
       [&] { std::memcpy(room.data(), all.data(), elements * sizeof(double)); }},
      {"in pieces", "accrete",
       [&] {
         std::size_t count = 0;
         accrete::NumericPieces<double> pieces = numeric.pieces("k");
         for (std::span<const double> some; !(some = pieces.next()).empty();) count += some.size();
         require(count == elements);
       }},
  };
  measure(subjects);
  report(subjects);
  require(numeric.get("k") == all && room == all);
  accrete::destroy(dataset);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: bench_numeric DIRECTORY\n";
    return 2;
  }
  try {
    bench(std::filesystem::path(argv[1]) / "numeric.accrete");
  } catch (const std::exception& error) {
    std::cerr << "bench_numeric: " << error.what() << '\n';
    return 1;
  }
}
