// Every operation under create, open, destroy and the calls that read fails in turn.
#include <doctest/doctest.h>
#include <filesystem>

#include "api/datasets.hpp"
#include "codec/frame_encoder.hpp"
#include "fault/sweep.hpp"
#include "support/file_bytes.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

std::size_t names_in(const std::string& directory) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

TEST_CASE("a read that meets a fault throws or returns the truth") {
  struct Read {
    const char* name;
    std::function<void(const Store&)> check;
  };
  const std::string long_key(700, 'k');
  const std::vector<std::string_view> keys = {"a", "missing", long_key, "empty"};
  const std::vector<Read> reads = {
      {"get", [](const Store& store) { require(store.get("a") == "123", "get tells the truth"); }},
      {"get of a missing key", [](const Store& store) { require(store.get("missing").empty(), "it is empty"); }},
      {"get_batch",
       [&](const Store& store) {
         require(store.get_batch(keys) == std::vector<std::string>{"123", "", "long", ""}, "get_batch tells the truth");
       }},
      {"get_range",
       [](const Store& store) { require(store.get_range("a", 1, 9) == "23", "get_range tells the truth"); }},
      {"get_range_into",
       [](const Store& store) {
         std::string room(9, '-');
         require(store.get_range_into("a", 1, room) == 2 && room.starts_with("23-"), "get_range_into tells the truth");
       }},
      {"size",
       [&](const Store& store) {
         require(store.size(long_key) == 4, "size tells the truth");
         require(store.size("empty") == 0, "an empty value has a size");
         require(!store.size("missing").has_value(), "a missing key has no size");
       }},
      {"list",
       [&](const Store& store) {
         const std::vector<KeySize> list = {{"a", 3}, {"empty", 0}, {long_key, 4}};
         require(store.list() == list, "list tells the truth");
       }},
      {"stats",
       [](const Store& store) {
         require(store.stats().keys == 3 && store.stats().bytes == 7, "stats tell the truth");
       }},
      {"last_sequence",
       [](const Store& store) {
         require(store.last_sequence(writer_id(1)) == 7, "last_sequence tells the truth");
         require(!store.last_sequence(writer_id(2)).has_value(), "an unknown writer has none");
       }},
  };
  const TemporaryDirectory directory(memory_directory());
  FaultEnv env(posix_env());
  create_dataset(env, directory / "dataset", {});
  const std::vector<Entry> entries = {{"a", "12"}, {"empty", ""}, {long_key, "long"}, {"a", "3"}};
  open_dataset(env, directory / "dataset", {})->append_batch(entries, {.id = BatchId{writer_id(1), 7}});
  for (const Read& read : reads) {
    CAPTURE(read.name);
    int failed = 0;
    for_each_fault([&](std::uint64_t n, const Fault& fault) {
      const std::unique_ptr<Store> store = open_dataset(env, directory / "dataset", {});
      env.fail_at(n, fault);
      const bool returned = returns([&] { read.check(*store); });
      const bool fired = env.fired();
      failed += !returned;
      env.heal();
      read.check(*store);
      return fired;
    });
    REQUIRE(failed > 0);
  }
}

TEST_CASE("an open that fails leaves the dataset as it was") {
  const TemporaryDirectory directory(memory_directory());
  FaultEnv env(posix_env());
  create_dataset(env, directory / "dataset", {});
  open_dataset(env, directory / "dataset", {})->append("a", "123");
  int failed = 0;
  for_each_fault([&](std::uint64_t n, const Fault& fault) {
    env.fail_at(n, fault);
    const bool returned = returns(
        [&] { require(open_dataset(env, directory / "dataset", {})->get("a") == "123", "a value is as it was"); });
    const bool fired = env.fired();
    env.heal();
    failed += !returned;
    REQUIRE(open_dataset(env, directory / "dataset", {})->get("a") == "123");
    REQUIRE(verify_dataset(env, directory / "dataset", {}).problems.empty());
    return fired;
  });
  REQUIRE(failed > 0);
}

TEST_CASE("a create that fails leaves nothing at the path, or a whole dataset") {
  int failed = 0;
  for_each_fault([&](std::uint64_t n, const Fault& fault) {
    const TemporaryDirectory directory(memory_directory());
    const std::string path = directory / "dataset";
    FaultEnv env(posix_env());
    env.fail_at(n, fault);
    const bool returned = returns([&] { create_dataset(env, path, {}); });
    const bool fired = env.fired();
    env.heal();
    failed += !returned;
    const bool is_there = std::filesystem::exists(path);
    REQUIRE((is_there || !returned));
    if (!is_there) create_dataset(env, path, {});
    const std::unique_ptr<Store> store = open_dataset(env, path, {});
    store->append("a", "1");
    REQUIRE(store->get("a") == "1");
    if (env.sync_failed()) (void)verify_dataset(env, path, {.repair = true});
    REQUIRE(verify_dataset(env, path, {}).problems.empty());
    static_cast<void>(accrete::sweep(directory.path()));
    REQUIRE(names_in(directory.path()) == 1);
    return fired;
  });
  REQUIRE(failed > 0);
}

TEST_CASE("a create of a dataset over existing files that fails keeps every byte") {
  for (const std::optional<Codec>& codec : all_codecs()) {
    CAPTURE(codec.has_value());
    std::string bytes = "kept";
    if (codec) {
      bytes.clear();
      FrameEncoder(*codec).append_frames("kept", bytes);
    }
    int failed = 0;
    for_each_fault([&](std::uint64_t n, const Fault& fault) {
      const TemporaryDirectory directory(memory_directory());
      const std::string path = directory / "dataset";
      std::filesystem::create_directory(path);
      write_file(path + "/a", bytes);
      FaultEnv env(posix_env());
      env.fail_at(n, fault);
      const bool returned = returns([&] {
        try {
          create_dataset(env, path, {.adopt = true, .codec = codec});
        } catch (const CorruptionError&) {
          require(false, "a fault is not taken for damage");
        }
      });
      const bool fired = env.fired();
      env.heal();
      failed += !returned;
      if (!returned) static_cast<void>(returns([&] { create_dataset(env, path, {.adopt = true, .codec = codec}); }));
      const std::unique_ptr<Store> store = open_dataset(env, path, {});
      REQUIRE(store->get("a") == "kept");
      REQUIRE(store->stats().bytes == 4);
      REQUIRE(read_file(path + "/a") == bytes);
      if (env.sync_failed()) (void)verify_dataset(env, path, {.repair = true});
      REQUIRE(verify_dataset(env, path, {}).problems.empty());
      return fired;
    });
    REQUIRE(failed > 0);
  }
}

TEST_CASE("a destroy that fails is completed by the next") {
  int failed = 0;
  for_each_fault([&](std::uint64_t n, const Fault& fault) {
    const TemporaryDirectory directory(memory_directory());
    const std::string path = directory / "dataset";
    FaultEnv env(posix_env());
    create_dataset(env, path, {});
    const std::string long_key(700, 'k');
    const std::vector<Entry> entries = {{"a", "1"}, {"b", "2"}, {long_key, "3"}};
    open_dataset(env, path, {})->append_batch(entries, {.sync = true, .id = BatchId{writer_id(1), 1}});
    env.fail_at(n, fault);
    const bool returned = returns([&] { destroy_dataset(env, path); });
    const bool fired = env.fired();
    env.heal();
    failed += !returned;
    if (std::filesystem::exists(path)) {
      REQUIRE_FALSE(returned);
      destroy_dataset(env, path);
    }
    REQUIRE_FALSE(std::filesystem::exists(path));
    static_cast<void>(accrete::sweep(directory.path()));
    REQUIRE(names_in(directory.path()) == 0);
    return fired;
  });
  REQUIRE(failed > 0);
}

TEST_CASE("a verify that meets a fault throws or finds no problem") {
  for (const std::optional<Codec>& codec : all_codecs()) {
    CAPTURE(codec.has_value());
    const TemporaryDirectory directory(memory_directory());
    FaultEnv env(posix_env());
    create_dataset(env, directory / "dataset", {.codec = codec});
    const std::vector<Entry> entries = {{"a", "1"}, {std::string_view("b"), "2"}};
    open_dataset(env, directory / "dataset", {})->append_batch(entries, {.sync = true});
    int failed = 0;
    for_each_fault([&](std::uint64_t n, const Fault& fault) {
      env.fail_at(n, fault);
      failed += !returns([&] {
        const VerifyReport report = verify_dataset(env, directory / "dataset", {});
        for (const std::string& problem : report.problems) {
          require(codec && says_fault(problem, fault), "a fault is no problem of the dataset, but of reading a frame");
        }
      });
      const bool fired = env.fired();
      env.heal();
      return fired;
    });
    REQUIRE(failed > 0);
  }
}

}  // namespace
}  // namespace accrete::test
