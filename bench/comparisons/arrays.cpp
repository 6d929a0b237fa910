// Reading an array of doubles back, beside memcpy of the same bytes.
//
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

#include "timing.hpp"

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
    std::iota(all.begin(), all.end(), 0.5);
    for (std::size_t i = 0; i < appends; ++i)
      numeric.append("k", std::span(all).subspan(i * append_elements, append_elements));
    check(numeric.get("k") == all);
  }
};

/// `read` returns how many elements it has got.
void add(const char* name, std::size_t (*read)(Arrays&)) {
  const auto run = [=](benchmark::State& state) {
    Arrays arrays;
    for (auto _ : state) check(read(arrays) == elements);
    set_bytes(state, elements * sizeof(double));
  };
  benchmark::RegisterBenchmark(name, run)->UseRealTime();
}

bool add_all() {
  add("get all/accrete", [](Arrays& arrays) { return arrays.numeric.get("k").size(); });
  add("get all/read alone, large pages", [](Arrays& arrays) {
    const std::size_t size = arrays.numeric.store().size("k").value();
    const auto room = std::make_unique_for_overwrite<char[]>(size);  // NOLINT(modernize-avoid-c-arrays)
    const std::span<char> to(room.get(), size);
    accrete::detail::prepare_to_fill(std::as_writable_bytes(to));
    return arrays.numeric.store().get_range_into("k", 0, to) == size ? elements : 0;
  });
  add("get all/memcpy, large pages", [](Arrays& arrays) {
    std::vector<double> copy;
    copy.reserve(elements);
    accrete::detail::prepare_to_fill({reinterpret_cast<std::byte*>(copy.data()), elements * sizeof(double)});
    copy.insert(copy.end(), arrays.all.begin(), arrays.all.end());
    return copy.size();
  });
  add("get all/memcpy, small pages", [](Arrays& arrays) { return std::vector<double>(arrays.all).size(); });
  add("get into a span/accrete", [](Arrays& arrays) { return arrays.numeric.get_into("k", arrays.room); });
  add("get into a span/memcpy, pages touched", [](Arrays& arrays) {
    std::memcpy(arrays.room.data(), arrays.all.data(), elements * sizeof(double));
    benchmark::ClobberMemory();
    return elements;
  });
  add("in pieces/accrete", [](Arrays& arrays) {
    std::size_t count = 0;
    accrete::NumericPieces<double> pieces = arrays.numeric.pieces("k");
    for (std::span<const double> some; !(some = pieces.next()).empty();) count += some.size();
    return count;
  });
  return true;
}

const bool are_added = add_all();

}  // namespace
}  // namespace bench
