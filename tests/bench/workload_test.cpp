// The workload of bench_cell, and the check of what is read back.
#include "../../bench/cells/workload.hpp"

#include <algorithm>
#include <cstdint>
#include <doctest/doctest.h>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using bench::Cursor;
using bench::Entry;
using bench::Expectation;
using bench::Workload;

constexpr std::size_t entry_bytes = 100;

Workload make_workload(std::uint64_t appends, std::uint64_t keys, double skew = 0) {
  return Workload({.appends = appends, .keys = keys, .entry_bytes = entry_bytes, .skew = skew});
}

std::vector<Entry> entries_of(const Workload& workload, std::size_t process = 0, std::size_t processes = 1) {
  constexpr std::size_t odd_batch = 7;
  std::vector<Entry> all;
  std::vector<Entry> batch(odd_batch);
  Cursor cursor(workload, process, processes);
  while (const std::size_t count = cursor.next(batch))
    all.insert(all.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(count));
  return all;
}

/// Of key 0, of which there must be no other.
std::string value_of(const std::vector<std::uint64_t>& appends, const Workload& workload) {
  std::string value;
  for (const std::uint64_t append : appends) value += workload.bytes_of(append);
  return value;
}

}  // namespace

TEST_CASE("a cursor yields every append once, and what bytes_of and key_of say of it") {
  for (const double skew : {0.0, 0.99}) {
    const Workload workload = make_workload(1000, 30, skew);
    for (const std::size_t processes : {std::size_t{1}, std::size_t{4}}) {
      for (std::size_t process = 0; process < processes; ++process) {
        const std::vector<Entry> entries = entries_of(workload, process, processes);
        REQUIRE(entries.size() == 1000 / processes);
        for (std::size_t i = 0; i < entries.size(); ++i) {
          const std::uint64_t append = process + i * processes;
          CHECK(entries[i].key == workload.key(workload.key_of(append)));
          CHECK(entries[i].bytes == workload.bytes_of(append));
          CHECK(entries[i].bytes.size() == entry_bytes);
        }
      }
    }
  }
}

TEST_CASE("processes that do not divide the appends do all of them") {
  const Workload workload = make_workload(10, 3);
  CHECK(entries_of(workload, 0, 4).size() == 3);
  CHECK(entries_of(workload, 1, 4).size() == 3);
  CHECK(entries_of(workload, 2, 4).size() == 2);
  CHECK(entries_of(workload, 3, 4).size() == 2);
}

TEST_CASE("keys have eight digits") {
  const Workload workload = make_workload(1, 12'346);
  CHECK(workload.key(0) == "key-00000000");
  CHECK(workload.key(12'345) == "key-00012345");
}

TEST_CASE("round robin gives each key as many appends") {
  const Workload workload = make_workload(40, 10);
  for (std::uint64_t append = 0; append < 40; ++append) CHECK(workload.key_of(append) == append % 10);
}

TEST_CASE("a skew gives one key far more than its share, and the same ones each time") {
  const Workload workload = make_workload(10'000, 1000, 0.99);
  const Workload again = make_workload(10'000, 1000, 0.99);
  std::map<std::uint64_t, int> counts;
  for (std::uint64_t append = 0; append < 10'000; ++append) {
    ++counts[workload.key_of(append)];
    REQUIRE(workload.key_of(append) == again.key_of(append));
  }
  const auto most = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  CHECK(most->first == 1);     // where rank 0 goes
  CHECK(most->second > 1000);  // ten would be its share
  CHECK(counts.size() > 300);
}

TEST_CASE("entries of numbers begin at a number") {
  const Workload workload({.appends = 100, .keys = 1, .entry_bytes = 800, .numeric = true});
  const std::string_view first = workload.bytes_of(0);
  for (std::uint64_t append = 0; append < 100; ++append)
    CHECK((workload.bytes_of(append).data() - first.data()) % static_cast<std::ptrdiff_t>(sizeof(double)) == 0);
}

TEST_CASE("an entry may be as large as the pool") {
  const Workload workload({.appends = 3, .keys = 1, .entry_bytes = bench::pool_bytes});
  CHECK(workload.bytes_of(2).size() == bench::pool_bytes);
}

TEST_CASE("a value of all entries in their order is right") {
  const Workload workload = make_workload(5, 1);
  const Expectation expectation(workload, 1);
  CHECK(expectation.size_of(0) == 5 * entry_bytes);
  CHECK_NOTHROW(expectation.check(0, value_of({0, 1, 2, 3, 4}, workload)));
}

TEST_CASE("a swapped, doubled, lost or foreign entry is found") {
  const Workload workload = make_workload(5, 1);
  const Expectation expectation(workload, 1);
  const auto fails = [&](const std::vector<std::uint64_t>& appends) {
    CHECK_THROWS_AS(expectation.check(0, value_of(appends, workload)), std::runtime_error);
  };
  fails({0, 2, 1, 3, 4});     // swapped
  fails({0, 1, 1, 2, 3, 4});  // doubled
  fails({0, 1, 2, 3, 4, 4});  // doubled at the end
  fails({0, 1, 3, 4});        // lost
  fails({1, 2, 3, 4});        // lost at the front
  fails({0, 1, 2, 3});        // lost at the end
  fails({0, 1, 7, 3, 4});     // of another
  fails({});
}

TEST_CASE("each changed byte, and each byte too few or too many, is found") {
  const Workload workload = make_workload(3, 1);
  const Expectation expectation(workload, 1);
  const std::string right = value_of({0, 1, 2}, workload);
  for (std::size_t i = 0; i < right.size(); ++i) {
    std::string wrong = right;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    CHECK_THROWS_AS(expectation.check(0, wrong), std::runtime_error);
    CHECK_THROWS_AS(expectation.check(0, right.substr(0, i)), std::runtime_error);
  }
  CHECK_THROWS_AS(expectation.check(0, right + 'x'), std::runtime_error);
}

TEST_CASE("the entries of another key are found") {
  const Workload workload = make_workload(4, 2);
  const Expectation expectation(workload, 1);
  CHECK_NOTHROW(expectation.check(0, value_of({0, 2}, workload)));
  CHECK_NOTHROW(expectation.check(1, value_of({1, 3}, workload)));
  CHECK_THROWS_AS(expectation.check(0, value_of({1, 3}, workload)), std::runtime_error);
}

TEST_CASE("a key that was never appended to has no bytes") {
  const Workload workload = make_workload(2, 3);
  const Expectation expectation(workload, 1);
  CHECK(expectation.size_of(2) == 0);
  CHECK_NOTHROW(expectation.check(2, ""));
  CHECK_THROWS_AS(expectation.check(2, "x"), std::runtime_error);
}

TEST_CASE("any merge of four processes that keeps the order of each is right") {
  const Workload workload = make_workload(12, 1);  // process 0 has 0, 4 and 8
  const Expectation expectation(workload, 4);
  CHECK_NOTHROW(expectation.check(0, value_of({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, workload)));
  CHECK_NOTHROW(expectation.check(0, value_of({3, 7, 11, 2, 6, 10, 1, 5, 9, 0, 4, 8}, workload)));
  CHECK_NOTHROW(expectation.check(0, value_of({1, 0, 5, 4, 9, 8, 2, 3, 6, 7, 10, 11}, workload)));
}

TEST_CASE("a merge that breaks the order of one process, loses or doubles an entry is found") {
  const Workload workload = make_workload(12, 1);
  const Expectation expectation(workload, 4);
  const auto fails = [&](const std::vector<std::uint64_t>& appends) {
    CHECK_THROWS_AS(expectation.check(0, value_of(appends, workload)), std::runtime_error);
  };
  fails({4, 0, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});     // process 0
  fails({0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 11, 7});     // process 3
  fails({0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7});         // lost
  fails({0, 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});  // doubled
  fails({0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 12});     // of another
}
