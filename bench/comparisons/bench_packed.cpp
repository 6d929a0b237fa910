// Times putting and getting items of MessagePack, beside bare msgpack-cxx over the same store, and appends of small
// lists to one key: bench_packed DIRECTORY [option of Google Benchmark…]
//
// A benchmark's name is "pattern/subject". The lists are those of partd_typed.py.
#include <accrete/accrete.hpp>
#include <accrete/packed.hpp>
#include <benchmark/benchmark.h>
#include <filesystem>
#include <iostream>
#include <optional>
#include <stdexcept>

namespace {

constexpr std::size_t item_count = 200'000;
constexpr std::size_t items_a_put = 100;
constexpr std::size_t list_count = 1000;

struct Row {
  std::uint32_t id = 0;
  std::string origin;
  double delay = 0;
  std::vector<std::uint32_t> legs;
  MSGPACK_DEFINE(id, origin, delay, legs)
};

template <typename T>
void put_packed(const std::vector<T>& items, accrete::Store& store) {
  accrete::Packed<T> packed{store};
  for (std::size_t at = 0; at < items.size(); at += items_a_put) {
    packed.append_items("k", std::span(items).subspan(at, items_a_put));
  }
}

template <typename T>
void put_bare(const std::vector<T>& items, accrete::Store& store) {
  msgpack::sbuffer buffer;
  for (std::size_t at = 0; at < items.size(); at += items_a_put) {
    buffer.clear();
    for (const T& item : std::span(items).subspan(at, items_a_put)) msgpack::pack(buffer, item);
    store.append("k", {buffer.data(), buffer.size()});
  }
}

template <typename T>
std::size_t get_bare(const accrete::Store& store) {
  const std::string value = store.get("k");
  std::vector<T> items;
  msgpack::object_handle handle;
  for (std::size_t offset = 0; offset < value.size();) {
    msgpack::unpack(handle, value.data(), value.size(), offset);
    items.push_back(handle.get().as<T>());
  }
  return items.size();
}

template <typename T>
std::size_t read_packed(accrete::Store& store) {
  auto reader = accrete::Packed<T>{store}.reader("k");
  std::size_t count = 0;
  while (reader.next()) ++count;
  return count;
}

void require(bool holds) {
  if (!holds) throw std::runtime_error("the store lacks what was put");
}

template <typename T>
void add_items(const std::string& name, const std::vector<T>& items) {
  const auto add_put = [&](const std::string& subject, void (*put)(const std::vector<T>&, accrete::Store&)) {
    benchmark::RegisterBenchmark(("put " + name + subject).c_str(), [=, &items](benchmark::State& state) {
      const auto store = accrete::memory_store();
      for (auto _ : state) {
        put(items, *store);
        state.PauseTiming();
        store->erase("k");
        state.ResumeTiming();
      }
      state.SetItemsProcessed(state.iterations() * std::int64_t{item_count});
    });
  };
  const auto add_get = [&](const std::string& subject, const auto& get) {
    benchmark::RegisterBenchmark(subject.c_str(), [=, &items](benchmark::State& state) {
      const auto store = accrete::memory_store();
      put_packed(items, *store);
      for (auto _ : state) require(get(*store) == item_count);
      state.SetItemsProcessed(state.iterations() * std::int64_t{item_count});
    });
  };
  add_put("/accrete", put_packed<T>);
  add_put("/bare msgpack-cxx", put_bare<T>);
  add_get("get " + name + "/accrete", [](accrete::Store& store) { return accrete::Packed<T>{store}.get("k").size(); });
  add_get("get " + name + "/bare msgpack-cxx", get_bare<T>);
  add_get("read " + name + "/accrete", read_packed<T>);
}

/// A dataset of lists, all of one key.
class Lists {
 public:
  Lists(const std::string& path, const accrete::OpenOptions& options) : path_(path) {
    accrete::create(path_);
    packed_.emplace(accrete::open(path_, options));
    packed_->append_items("k", list_);
  }
  ~Lists() {
    packed_.reset();
    accrete::destroy(path_);
  }
  Lists(const Lists&) = delete;
  Lists& operator=(const Lists&) = delete;

  void append() {
    for (std::size_t i = 0; i < list_count; ++i) packed_->append_items("k", list_);
    packed_->store().flush();
  }
  [[nodiscard]] std::size_t get() const { return packed_->get("k").size() / list_.size() - 1; }

 private:
  std::string path_;
  std::vector<int> list_ = {0, 1, 2, 3, 4};
  std::optional<accrete::Packed<int>> packed_;
};

void add_lists(const std::string& dataset, const std::string& subject, const accrete::OpenOptions& options) {
  const auto append = [=](benchmark::State& state) {
    Lists lists(dataset, options);
    for (auto _ : state) lists.append();
    require(lists.get() == list_count);
    state.SetItemsProcessed(state.iterations() * std::int64_t{list_count});
  };
  const auto get = [=](benchmark::State& state) {
    Lists lists(dataset, options);
    lists.append();
    for (auto _ : state) require(lists.get() == list_count);
    state.SetItemsProcessed(state.iterations() * std::int64_t{list_count});
  };
  benchmark::RegisterBenchmark(("append lists/" + subject).c_str(), append)->UseRealTime()->Iterations(1);
  benchmark::RegisterBenchmark(("get lists/" + subject).c_str(), get)->UseRealTime();
}

void bench(const std::filesystem::path& directory) {
  std::vector<Row> rows(item_count);
  std::vector<int> numbers(item_count);
  std::vector<std::vector<double>> series(item_count);
  for (std::uint32_t i = 0; i < item_count; ++i) {
    rows[i] = {i * 77, "airport-" + std::to_string(i % 300), 0.5 + i, {i % 10, i, i * 1000}};
    numbers[i] = static_cast<int>(std::size_t{i} * i % 100'000);
    series[i].assign(20, 0.5 + i);
  }
  add_items("rows", rows);
  add_items("numbers", numbers);
  add_items("series", series);
  const std::string dataset = directory / "packed.accrete";
  add_lists(dataset, "accrete", {.buffer = accrete::BufferOptions{}});
  add_lists(dataset, "accrete, unbuffered", {});
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::cerr << "usage: bench_packed DIRECTORY [option of Google Benchmark…]\n";
    return 2;
  }
  try {
    bench(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << "bench_packed: " << error.what() << '\n';
    return 1;
  }
}
