// Types that race for a key: one wins, and nothing of the others is stored.
#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <accrete/numeric.hpp>
#include <array>
#include <atomic>
#include <barrier>
#include <doctest/doctest.h>
#include <thread>

#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

constexpr int keys = 100;
constexpr int appends = 5;

/// How many appends of a T went through, for each key. With `in_batch`, each goes to the key in a batch of two.
template <typename T>
void race(Store& store, std::barrier<>& start, bool in_batch, std::array<std::size_t, keys>& counts) {
  Numeric<T> numeric{store};
  const std::array<T, 2> elements = {T{1}, T{2}};
  for (int i = 0; i < keys; ++i) {
    const std::string key = "k" + std::to_string(i);
    const std::string other_key = "of " + std::string(name_of(number_type<T>())) + key;
    start.arrive_and_wait();
    for (int j = 0; j < appends; ++j) {
      try {
        const std::array<NumericEntry<T>, 2> batch = {{{key, elements}, {other_key, elements}}};
        numeric.append_batch(std::span(batch).first(in_batch ? 2 : 1));
        counts[static_cast<std::size_t>(i)] += elements.size();
      } catch (const TypeMismatchError&) {
      }
    }
  }
}

/// The elements of the key if they are of type T.
template <typename T>
std::size_t count(Store& store, const std::string& key) {
  try {
    return Numeric<T>{store}.get(key).size();
  } catch (const TypeMismatchError&) {
    return 0;
  }
}

void check_race(Store& first, Store& second, bool in_batch) {
  std::barrier start(3);
  std::array<std::size_t, keys> doubles{};
  std::array<std::size_t, keys> floats{};
  std::array<std::size_t, keys> integers{};
  {
    std::thread a([&] { race<double>(first, start, in_batch, doubles); });
    std::thread b([&] { race<float>(second, start, in_batch, floats); });
    std::thread c([&] { race<std::int64_t>(first, start, in_batch, integers); });
    a.join();
    b.join();
    c.join();
  }
  for (int i = 0; i < keys; ++i) {
    const std::string key = "k" + std::to_string(i);
    const auto at = static_cast<std::size_t>(i);
    const int winners = (doubles[at] > 0 ? 1 : 0) + (floats[at] > 0 ? 1 : 0) + (integers[at] > 0 ? 1 : 0);
    CHECK(winners == 1);
    CHECK(count<double>(first, key) == doubles[at]);
    CHECK(count<float>(first, key) == floats[at]);
    CHECK(count<std::int64_t>(first, key) == integers[at]);
  }
}

TEST_CASE("of several types that are appended first to a key in memory, one wins") {
  for (const bool in_batch : {false, true}) {
    const std::unique_ptr<Store> store = memory_store();
    check_race(*store, *store, in_batch);
  }
}

TEST_CASE("of several types that are appended first to a key of a dataset, one wins") {
  for (const bool in_batch : {false, true}) {
    const TemporaryDirectory directory;
    create(directory / "dataset");
    const std::unique_ptr<Store> first = open(directory / "dataset");
    const std::unique_ptr<Store> second = open(directory / "dataset");
    check_race(*first, *second, in_batch);
  }
}

TEST_CASE("threads that share a Numeric append without losing elements") {
  Numeric<std::uint32_t> numeric{memory_store()};
  std::array<std::thread, 4> threads;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i] = std::thread([&numeric] {
      for (std::uint32_t j = 0; j < 200; ++j) numeric.append("k" + std::to_string(j % 7), {j});
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::uint64_t total = 0;
  for (int i = 0; i < 7; ++i) total += numeric.get("k" + std::to_string(i)).size();
  CHECK(total == 4 * 200);
}

TEST_CASE("of several sets of columns that are appended first to a key, one wins") {
  const std::unique_ptr<Store> store = memory_store();
  const std::vector<float> floats = {1};
  const std::vector<double> doubles = {1};
  std::barrier start(2);
  std::array<std::size_t, keys> with_floats{};
  std::array<std::size_t, keys> with_doubles{};
  const auto race_columns = [&](const Column& second, std::array<std::size_t, keys>& rows) {
    Columns columns{*store};
    for (int i = 0; i < keys; ++i) {
      start.arrive_and_wait();
      try {
        columns.append("k" + std::to_string(i), {column("a", floats), second});
        ++rows[static_cast<std::size_t>(i)];
      } catch (const TypeMismatchError&) {
      }
    }
  };
  std::thread other([&] { race_columns(column("b", doubles), with_doubles); });
  race_columns(column("b", floats), with_floats);
  other.join();
  const Columns columns{*store};
  for (int i = 0; i < keys; ++i) {
    const auto at = static_cast<std::size_t>(i);
    CHECK(with_floats[at] + with_doubles[at] == 1);
    CHECK(columns.rows("k" + std::to_string(i)) == 1);
    CHECK(columns.columns("k" + std::to_string(i))[1].type ==
          (with_floats[at] == 1 ? NumberType::float32 : NumberType::float64));
  }
}

}  // namespace
}  // namespace accrete::test
