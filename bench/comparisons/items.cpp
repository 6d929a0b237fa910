// Items of MessagePack, beside bare msgpack-cxx over the same store, and small lists, which are those of compare.py.
#include <accrete/accrete.hpp>
#include <accrete/packed.hpp>
#include <span>
#include <vector>

#include "timing.hpp"

namespace bench {
namespace {

constexpr std::size_t item_count = 200'000;
constexpr std::size_t items_a_put = 100;

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
  for (std::size_t at = 0; at < items.size(); at += items_a_put)
    packed.append_items("k", std::span(items).subspan(at, items_a_put));
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
std::size_t get_bare(accrete::Store& store) {
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

template <typename T>
void add(const std::string& name, T (*make_item)(std::uint32_t number)) {
  std::vector<T> items;
  for (std::uint32_t i = 0; i < item_count; ++i) items.push_back(make_item(i));
  const auto add_put = [&](const std::string& subject, const auto& put) {
    benchmark::RegisterBenchmark(subject.c_str(), [=](benchmark::State& state) {
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
    benchmark::RegisterBenchmark(subject.c_str(), [=](benchmark::State& state) {
      const auto store = accrete::memory_store();
      put_packed(items, *store);
      for (auto _ : state) check(get(*store) == item_count);
      state.SetItemsProcessed(state.iterations() * std::int64_t{item_count});
    });
  };
  add_put("put " + name + "/accrete", put_packed<T>);
  add_put("put " + name + "/bare msgpack-cxx", put_bare<T>);
  add_get("get " + name + "/accrete", [](accrete::Store& store) { return accrete::Packed<T>{store}.get("k").size(); });
  add_get("get " + name + "/bare msgpack-cxx", get_bare<T>);
  add_get("read " + name + "/accrete", read_packed<T>);
}

constexpr std::int64_t list_count = 1000;
const std::vector<int> list = {0, 1, 2, 3, 4};

/// Appends lists to a key that is there already, or gets them.
void use_lists(benchmark::State& state, const accrete::OpenOptions& options, bool is_get) {
  const accrete::TemporaryDataset dataset = accrete::create_temporary(".");
  accrete::Packed<int> packed(accrete::open(dataset.url(), options));
  packed.append_items("k", list);
  const auto append = [&] {
    for (std::int64_t i = 0; i < list_count; ++i) packed.append_items("k", list);
    packed.store().flush();
  };
  const auto get = [&] { check(packed.get("k").size() == list.size() * (list_count + 1)); };
  if (is_get) append();
  for (auto _ : state) is_get ? get() : append();
  get();
  state.SetItemsProcessed(state.iterations() * list_count);
}

void add_lists(const std::string& subject, const accrete::OpenOptions& options) {
  benchmark::RegisterBenchmark(("append lists/" + subject).c_str(), use_lists, options, false)
      ->UseRealTime()
      ->Iterations(1);
  benchmark::RegisterBenchmark(("get lists/" + subject).c_str(), use_lists, options, true)->UseRealTime();
}

bool add_all() {
  add_lists("accrete", {.buffer = accrete::BufferOptions{}});
  add_lists("accrete, unbuffered", {});
  add<Row>("rows", [](std::uint32_t i) -> Row {
    return {i * 77, "airport-" + std::to_string(i % 300), 0.5 + i, {i % 10, i, i * 1000}};
  });
  add<int>("numbers", [](std::uint32_t i) { return static_cast<int>(std::size_t{i} * i % 100'000); });
  add<std::vector<double>>("series", [](std::uint32_t) { return std::vector(20, 0.5); });
  return true;
}

const bool are_added = add_all();

}  // namespace
}  // namespace bench
