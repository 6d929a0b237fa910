// Times putting and getting items of MessagePack, beside bare msgpack-cxx over the same store, and appends of small
// lists to one key: bench_packed DIRECTORY
//
// Prints "pattern<TAB>subject<TAB>nanoseconds per item". The lists are those of partd_packed.py.
#include <accrete/accrete.hpp>
#include <accrete/packed.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <numeric>
#include <stdexcept>

namespace {

constexpr std::size_t item_count = 200'000;
constexpr std::size_t items_a_put = 100;
constexpr std::size_t rounds = 5;
constexpr std::size_t list_count = 1000;
constexpr std::size_t list_size = 5;

struct Row {
  std::uint32_t id = 0;
  std::string origin;
  double delay = 0;
  std::vector<std::uint32_t> legs;
  MSGPACK_DEFINE(id, origin, delay, legs)
};

std::vector<Row> make_rows() {
  std::vector<Row> rows(item_count);
  for (std::uint32_t i = 0; i < item_count; ++i) {
    rows[i] = {i * 77, "airport-" + std::to_string(i % 300), 0.5 + i, {i % 10, i, i * 1000}};
  }
  return rows;
}

std::vector<int> make_numbers() {
  std::vector<int> numbers(item_count);
  for (std::size_t i = 0; i < item_count; ++i) numbers[i] = static_cast<int>(i * i % 100'000);
  return numbers;
}

void report(const std::string& pattern, const char* subject, std::size_t count, const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
  std::cout << pattern << '\t' << subject << '\t' << taken.count() / static_cast<double>(count) << '\n';
}

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
std::vector<T> get_bare(const accrete::Store& store) {
  const std::string value = store.get("k");
  std::vector<T> items;
  msgpack::object_handle handle;
  for (std::size_t offset = 0; offset < value.size();) {
    msgpack::unpack(handle, value.data(), value.size(), offset);
    items.push_back(handle.get().as<T>());
  }
  return items;
}

template <typename T>
void bench_items(const std::string& name, const std::vector<T>& items) {
  const auto check = [](std::size_t count) {
    if (count != item_count) throw std::runtime_error("the store lacks what was put");
  };
  const auto store = accrete::memory_store();
  const auto report_put = [&](const char* subject, const std::function<void()>& put) {
    // The second of two, which finds memory and caches as the first has left them, whatever came before.
    store->erase("k");
    put();
    store->erase("k");
    report("put " + name, subject, item_count, put);
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    report_put("bare msgpack-cxx", [&] { put_bare(items, *store); });
    report("get " + name, "bare msgpack-cxx", item_count, [&] { check(get_bare<T>(*store).size()); });
    report_put("accrete", [&] { put_packed(items, *store); });
    report("get " + name, "accrete", item_count, [&] { check(accrete::Packed<T>{*store}.get("k").size()); });
    report("read " + name, "accrete", item_count, [&] {
      auto reader = accrete::Packed<T>{*store}.reader("k");
      std::size_t count = 0;
      while (reader.next()) ++count;
      check(count);
    });
  }
}

std::vector<std::vector<double>> make_series() {
  std::vector<std::vector<double>> series(item_count);
  for (std::size_t i = 0; i < item_count; ++i) series[i].assign(20, 0.5 + static_cast<double>(i));
  return series;
}

std::vector<int> make_list() {
  std::vector<int> list(list_size);
  std::iota(list.begin(), list.end(), 0);
  return list;
}

void bench_lists(const std::string& dataset, const char* subject, const accrete::OpenOptions& options) {
  accrete::create(dataset);
  const std::vector<int> list = make_list();
  {
    accrete::Packed<int> packed{accrete::open(dataset, options)};
    packed.append_items("k", list);
    report("append lists", subject, list_count, [&] {
      for (std::size_t i = 0; i < list_count; ++i) packed.append_items("k", list);
      packed.store().flush();
    });
    report("get lists", subject, list_count, [&] {
      if (packed.get("k").size() != list.size() * (list_count + 1)) throw std::runtime_error("the dataset lacks lists");
    });
  }
  accrete::destroy(dataset);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: bench_packed DIRECTORY\n";
    return 2;
  }
  try {
    bench_items("rows", make_rows());
    bench_items("numbers", make_numbers());
    bench_items("series", make_series());
    const std::string dataset = std::filesystem::path(argv[1]) / "packed.accrete";
    bench_lists(dataset, "accrete", {.buffer = accrete::BufferOptions{}});
    bench_lists(dataset, "accrete, unbuffered", {});
  } catch (const std::exception& error) {
    std::cerr << "bench_packed: " << error.what() << '\n';
    return 1;
  }
}
