// The contract of every Store: any number of threads use it at once.
#include <atomic>
#include <mutex>
#include <thread>

#include "contract/places.hpp"
#include "support/model.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

using namespace std::string_literals;

/// Runs `work(i)` in `count` threads. What one throws fails the test.
template <typename Work>
void in_threads(int count, Work work) {
  std::mutex mutex;  // guards failure
  std::string failure;
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        work(i);
      } catch (const std::exception& e) {
        const std::lock_guard lock(mutex);
        failure = e.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(failure == "");
}

/// The pieces "thread:number;" of a value. Throws unless each thread's numbers rise by one.
std::vector<std::string> pieces_in_order(const std::string& value, bool from_zero = true) {
  std::vector<std::string> pieces;
  std::map<std::string, long> last;
  for (std::size_t begin = 0; begin < value.size();) {
    const std::size_t colon = value.find(':', begin);
    const std::size_t end = value.find(';', begin);
    require(colon < end && end != std::string::npos, "every entry is whole");
    const std::string thread = value.substr(begin, colon - begin);
    const long number = std::stol(value.substr(colon + 1, end - colon - 1));
    const auto [before, is_first] = last.try_emplace(thread, number);
    if (is_first) {
      require(!from_zero || number == 0, "a thread's first entry stands first");
    } else {
      require(number == before->second + 1, "a thread's entries stand in the order of its appends");
    }
    before->second = number;
    pieces.push_back(value.substr(begin, end - begin));
    begin = end + 1;
  }
  return pieces;
}

std::string piece(int thread, int number) { return std::to_string(thread) + ":" + std::to_string(number) + ";"; }

CONTRACT_CASE("of threads that set an attribute which they expect not to be there, one does", first_attribute) {
  for (int round = 0; round < 10; ++round) {
    const std::string name = "round" + std::to_string(round);
    std::atomic<int> winners = 0;
    std::atomic<int> winner = -1;
    in_threads(4, [&](int i) {
      if (!place.store().set_attribute(name, std::to_string(i), {.expect_none = true})) return;
      ++winners;
      winner = i;
    });
    CHECK(winners == 1);
    CHECK(place.store().attribute(name) == std::to_string(winner));
  }
}

CONTRACT_CASE("threads that count in an attribute, each from what it has found, lose nothing", counting_attribute) {
  constexpr int threads = 4;
  constexpr int rounds = 10;
  CHECK(place.store().set_attribute("count", "0"));
  in_threads(threads, [&](int) {
    for (int left = rounds; left > 0;) {
      const std::string found = place.store().attribute("count").value();
      const std::string next = std::to_string(std::stoi(found) + 1);
      if (place.store().set_attribute("count", next, {.expect_value = found})) --left;
    }
  });
  CHECK(place.store().attribute("count") == std::to_string(threads * rounds));
}

CONTRACT_CASE("threads that append to one key each keep their order and lose nothing", one_key) {
  constexpr int threads = 4;
  constexpr int appends = 300;
  in_threads(threads, [&](int thread) {
    for (int i = 0; i < appends; ++i) place.store().append("key", piece(thread, i));
  });
  CHECK(pieces_in_order(place.store().get("key")).size() == threads * appends);
  place.check_sound();
}

CONTRACT_CASE("readers see each batch whole at every moment while threads append", whole_batches) {
  const std::vector<std::string> keys = {"a", "b", "c", std::string(600, 'd')};
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  constexpr int writers = 3;
  constexpr int batches = 150;
  std::atomic<int> writing = writers;
  in_threads(writers + 2, [&](int thread) {
    if (thread < writers) {
      for (int i = 0; i < batches; ++i) {
        const std::string bytes = piece(thread, i);
        std::vector<Entry> entries;
        for (const std::string& key : keys) entries.push_back({key, bytes});
        place.store().append_batch(entries, {.sync = i % 40 == 0});
      }
      --writing;
      return;
    }
    do {
      const std::vector<std::string> values = place.store().get_batch(views);
      for (const std::string& value : values) require(value == values[0], "all keys of a batch have it or none has");
      static_cast<void>(pieces_in_order(values[0]));
      const std::vector<KeySize> list = place.store().list();
      for (const KeySize& entry : list) require(entry.size == list[0].size, "list is of one moment");
      require(list.empty() || list.size() == keys.size(), "a batch brings all of its keys into being at once");
      static_cast<void>(pieces_in_order(place.store().get("c")));
    } while (writing > 0);
  });
  CHECK(pieces_in_order(place.store().get("a")).size() == writers * batches);
  place.check_sound();
}

CONTRACT_CASE("appends, erases and reads at once leave right totals", erase_at_once) {
  in_threads(4, [&](int thread) {
    Store& store = place.store();
    const std::string own = std::string(500, '%') + std::to_string(thread);
    for (int i = 0; i < 120; ++i) {
      store.append(own, "12345");
      store.append("shared", "x");
      require(store.get(own) == "12345", "an erased key begins anew");
      require(store.size(own) == 5, "size is that of the value");
      store.erase(own);
      require(!store.size(own).has_value(), "an erased key is gone");
      if (i % 10 == 0) static_cast<void>(store.stats());
      if (i % 10 == 5) store.erase("shared");
    }
  });
  CHECK(place.store().list().size() <= 1);
  place.check_sound();
}

CONTRACT_CASE("drops among appends leave whole entries and right totals", drop_at_once) {
  in_threads(3, [&](int thread) {
    for (int i = 0; i < 100; ++i) {
      const std::string bytes = piece(thread, i);
      const std::vector<Entry> entries = {{"a", bytes}, {"b", bytes}};
      place.store().append_batch(entries);
      if (thread == 0 && i % 10 == 9) place.store().drop();
      const std::vector<std::string_view> keys = {"a", "b"};
      const std::vector<std::string> values = place.store().get_batch(keys);
      require(values[0] == values[1], "a drop takes whole batches");
      static_cast<void>(pieces_in_order(values[0], false));
    }
  });
  place.check_sound();
}

CONTRACT_CASE("of threads that append at an expected size exactly one wins each size", compare_append) {
  std::atomic<std::uint64_t> won = 0;
  in_threads(4, [&](int) {
    for (int i = 0; i < 150; ++i) {
      const std::uint64_t size = place.store().size("key").value_or(0);
      const Entry entry{"key", "x"};
      try {
        place.store().append_batch({&entry, 1}, {.expect_size = size});
        ++won;
      } catch (const SizeMismatchError&) {
        // Another was first: the size that it left is asked for in the next round.
      }
    }
  });
  CHECK(won > 0);
  CHECK(place.store().size("key") == won.load());
}

CONTRACT_CASE("a batch that several threads send with one id is applied once", same_id) {
  constexpr std::uint64_t batches = 100;
  in_threads(4, [&](int) {
    for (std::uint64_t sequence = 1; sequence <= batches; ++sequence) {
      const Entry entry{"key", "x"};
      place.store().append_batch({&entry, 1}, {.id = BatchId{writer_id(1), sequence}});
    }
  });
  CHECK(place.store().size("key") == batches);
  CHECK(place.store().last_sequence(writer_id(1)) == batches);
}

SHARED_CONTRACT_CASE("Stores of one dataset opened and closed by threads do not lose each other's appends",
                     open_and_close) {
  constexpr int threads = 4;
  constexpr int rounds = 25;
  in_threads(threads, [&](int thread) {
    for (int i = 0; i < rounds; ++i) {
      const std::unique_ptr<Store> store = place.another();
      const std::string bytes = piece(thread, i);
      const std::string other = "b" + std::to_string(i % 7);
      const std::vector<Entry> entries = {{"a", bytes}, {other, "x"}, {"c", bytes}};
      store->append_batch(entries);
      require(store->get("a").find(bytes) != std::string::npos, "what is appended is read back");
    }
  });
  CHECK(pieces_in_order(place.store().get("a")).size() == threads * rounds);
  CHECK(place.store().get("c") == place.store().get("a"));
  place.check_sound();
}

}  // namespace
}  // namespace accrete::test
