// A new vector is compared with two copies: into one whose memory was asked for in large pages, as `get` does, and into
// one as std::vector makes it, in small pages, which takes far longer. Where pages are touched before, it makes no
// difference. The limit is what the system takes to copy the value's bytes from its cache, into large pages, too.
//
// Patterns and sizes are those of compare.py; what is read is in the page cache.
#include <accrete/accrete.hpp>
#include <accrete/numeric.hpp>
#include <cstring>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "comparisons/comparisons.hpp"

namespace bench {
namespace {

constexpr std::size_t append_elements = 100'000;
constexpr std::size_t appends = 80;
constexpr std::size_t elements = append_elements * appends;

/// A dataset, and what has been appended to its key.
struct Arrays {
  accrete::TemporaryDataset dataset = accrete::create_temporary(".");
  accrete::Numeric<double> numeric{accrete::open(dataset.url())};
  std::vector<double> all = std::vector<double>(elements);
  std::vector<double> room = std::vector<double>(elements);

  Arrays() {
    for (std::size_t i = 0; i < appends; ++i) {
      const std::span<double> some = std::span(all).subspan(i * append_elements, append_elements);
      std::iota(some.begin(), some.end(), 0.5);
      numeric.append("k", some);
    }
    check(numeric.get("k") == all);
  }
};

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

std::size_t copy_to_touched_pages(Arrays& arrays) {
  std::memcpy(arrays.room.data(), arrays.all.data(), elements * sizeof(double));
  benchmark::ClobberMemory();
  return arrays.room.size();
}

}  // namespace

void add_arrays() {
  const auto arrays = std::make_shared<Arrays>();
  const auto add = [&](const char* name, std::size_t expected, std::size_t (*read)(Arrays&)) {
    benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
      for (auto _ : state) check(read(*arrays) == expected);
      set_bytes(state, elements * sizeof(double));
    })->UseRealTime();
  };
  add("get all/accrete", elements, [](Arrays& from) { return from.numeric.get("k").size(); });
  add("get all/read alone, large pages", arrays->numeric.store().size("k").value(),
      [](Arrays& from) { return read_to_large_pages(from.numeric.store(), from.numeric.store().size("k").value()); });
  add("get all/memcpy, large pages", elements, [](Arrays& from) { return copied_to_large_pages(from.all).size(); });
  add("get all/memcpy, small pages", elements, [](Arrays& from) { return std::vector<double>(from.all).size(); });
  add("get into a span/accrete", elements, [](Arrays& from) { return from.numeric.get_into("k", from.room); });
  add("get into a span/memcpy, pages touched", elements, copy_to_touched_pages);
  add("in pieces/accrete", elements, [](Arrays& from) { return count_in_pieces(from.numeric); });
}

}  // namespace bench
