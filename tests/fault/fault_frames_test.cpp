// Every operation under reading a compressed value in steps, under a repair of one, and under cutting its torn tail off
// fails in turn.
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>

#include "api/datasets.hpp"
#include "codec/frame.hpp"
#include "fault/sweep.hpp"
#include "support/file_bytes.hpp"
#include "support/random_bytes.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

const std::string piece = "one piece and another piece and one more piece";

/// A dataset with a codec, on an Env whose operations may fail.
class Dataset {
 public:
  Dataset() { create_dataset(env_, path(), {.codec = all_codecs().back()}); }

  [[nodiscard]] FaultEnv& env() { return env_; }
  [[nodiscard]] std::unique_ptr<Store> open() { return open_dataset(env_, path(), {}); }
  [[nodiscard]] VerifyReport verify(bool repair) { return verify_dataset(env_, path(), {.repair = repair}); }
  [[nodiscard]] std::string file(const std::string& key) const { return path() + "/" + key; }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

  TemporaryDirectory directory_{memory_directory()};
  FaultEnv env_{posix_env(), FaultEnv::Syncs::counted};
};

TEST_CASE("a read of a large compressed value that meets a fault throws or returns the truth, and so does the next") {
  Dataset dataset;
  Random random(1);
  std::string value;
  for (int i = 0; i < 4; ++i) {
    const std::string bytes = random_bytes(random, 90'000);
    dataset.open()->append("key", bytes);
    value += bytes;
  }
  int failed = 0;
  for_each_fault([&](std::uint64_t n, const Fault& fault) {
    const std::unique_ptr<Store> store = dataset.open();
    const auto check = [&] {
      require(store->get_range("key", 80'000, 20'000) == value.substr(80'000, 20'000), "a range of two frames is true");
      require(store->get_range("key", 100'000, 100) == value.substr(100'000, 100), "so is the one after it");
      require(store->size("key") == value.size(), "so is the size");
      require(store->get_range("key", 250'000, 200'000) == value.substr(250'000), "and the end");
      require(store->list() == std::vector<KeySize>{{"key", value.size()}}, "and the list");
      require(store->stats().bytes == value.size(), "and the totals");
    };
    dataset.env().fail_at(n, fault);
    failed += !returns(check);
    const bool fired = dataset.env().fired();
    dataset.env().heal();
    check();
    return fired;
  });
  REQUIRE(failed > 0);
}

/// A value whose first frame is damaged has to be written anew, and one whose last frame is has to be cut short.
void damage_frame(const std::string& file, std::size_t number) {
  std::string bytes = read_file(file);
  const std::size_t at = bytes.size() / 3 * number + frame_header_size + 1;
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_file(file, bytes);
}

TEST_CASE("a repair that fails leaves compressed values damaged as they were, or mended, and the next completes it") {
  int failed = 0;
  int mended = 0;
  for_each_fault([&](std::uint64_t n, const Fault& fault) {
    Dataset dataset;
    const std::unique_ptr<Store> store = dataset.open();
    for (int i = 0; i < 3; ++i)
      store->append_batch(std::vector<Entry>{{"front", piece}, {"back", piece}, {"whole", piece}});
    damage_frame(dataset.file("front"), 0);
    damage_frame(dataset.file("back"), 2);
    dataset.env().fail_at(n, fault);
    bool mends_all = false;
    static_cast<void>(returns([&] {
      const std::vector<std::string> problems = dataset.verify(true).problems;
      for (const std::string& problem : problems) require(says_fault(problem, fault), "a repair leaves no damage");
      mends_all = problems.empty();
    }));
    const bool fired = dataset.env().fired();
    dataset.env().heal();
    failed += !mends_all;
    for (const char* const key : {"front", "back"}) {
      const bool is_mended = returns([&] { require(store->get(key) == piece + piece, "what is mended is whole"); });
      REQUIRE((is_mended || !mends_all));
      mended += is_mended && !mends_all;
    }
    // What was open meanwhile does not go on in a file that another has taken the place of.
    store->append("front", "more");
    REQUIRE(dataset.verify(true).problems.empty());
    REQUIRE(dataset.verify(false).problems.empty());
    const std::unique_ptr<Store> another = dataset.open();
    for (const Store* const reader : {store.get(), another.get()}) {
      REQUIRE(reader->get("front") == piece + piece + "more");
      REQUIRE(reader->get("back") == piece + piece);
      REQUIRE(reader->get("whole") == piece + piece + piece);
      REQUIRE(reader->stats().bytes == 7 * piece.size() + 4);
    }
    return fired;
  });
  REQUIRE(failed > 0);
  REQUIRE(mended > 0);
}

TEST_CASE("after a reboot a check tells of damage that no recovery mends, and counts decoded bytes") {
  Dataset dataset;
  const std::vector<std::string> keys = {"torn", "zeros", "replayed", "whole"};
  for (const std::string& key : keys) dataset.open()->append(key, piece);
  dataset.open()->sync();
  const Entry synced{"replayed", "more"};
  dataset.open()->append_batch({&synced, 1}, {.sync = true});
  dataset.env().reboot();
  const std::string frame = read_file(dataset.file("whole"));
  std::uint64_t bytes = keys.size() * piece.size() + synced.bytes.size();
  std::string damaged;
  SUBCASE("none of a sound dataset") {}
  SUBCASE("none of what a power loss has torn and a recovery cuts off") {
    write_file(dataset.file("torn"), frame + frame.substr(0, frame.size() - 1));
    write_file(dataset.file("zeros"), frame + std::string(frame.size(), '\0'));
  }
  SUBCASE("none of what the journal has") {
    std::string value = read_file(dataset.file("replayed"));
    std::fill(value.begin() + static_cast<std::ptrdiff_t>(frame.size()), value.end(), 'x');
    write_file(dataset.file("replayed"), value);
    bytes -= synced.bytes.size();
  }
  SUBCASE("what stands in front of what the journal has") { damaged = "replayed"; }
  SUBCASE("zeros in front of what the journal has") {
    write_file(dataset.file("replayed"), std::string(frame.size(), '\0'));
    bytes -= piece.size() + synced.bytes.size();
    damaged = "replayed";
  }
  SUBCASE("what is missing in front of what the journal has") {
    write_file(dataset.file("replayed"), "");
    bytes -= piece.size() + synced.bytes.size();
    damaged = "replayed";
  }
  SUBCASE("what stands in a value of which the journal knows nothing") { damaged = "whole"; }
  if (!damaged.empty() && bytes == keys.size() * piece.size() + synced.bytes.size()) {
    std::string value = read_file(dataset.file(damaged));
    value[frame_header_size + 1] ^= 1;
    write_file(dataset.file(damaged), value);
    bytes -= piece.size();
  }
  const VerifyReport report = dataset.verify(false);
  REQUIRE(report.problems.size() == (damaged.empty() ? 0 : 1));
  for (const std::string& problem : report.problems) REQUIRE(problem.find("'" + damaged + "'") != std::string::npos);
  REQUIRE(report.counted.keys == keys.size());
  REQUIRE(report.counted.bytes == bytes);
  if (std::filesystem::file_size(dataset.file("replayed")) < frame.size()) {
    CHECK_THROWS_AS((void)dataset.open(), CorruptionError);
    return;
  }
  const std::unique_ptr<Store> store = dataset.open();
  for (const std::string& key : keys) {
    if (key == damaged) continue;
    REQUIRE(store->get(key) == piece + (key == "replayed" ? "more" : ""));
  }
}

TEST_CASE("where cutting torn tails off after a power loss fails, the next open completes it") {
  int failed = 0;
  for_each_fault([&](std::uint64_t n, const Fault& fault) {
    Dataset dataset;
    for (const char* const key : {"cut", "zeros", "whole"}) dataset.open()->append(key, piece);
    const std::string frame = read_file(dataset.file("cut"));
    write_file(dataset.file("cut"), frame + frame.substr(0, frame.size() - 1));
    write_file(dataset.file("zeros"), frame + std::string(frame.size(), '\0'));
    dataset.env().reboot();
    dataset.env().fail_at(n, fault);
    const auto check = [&](const Store& store) {
      for (const char* const key : {"cut", "zeros", "whole"}) require(store.get(key) == piece, "the whole frames stay");
    };
    failed += !returns([&] { check(*dataset.open()); });
    const bool fired = dataset.env().fired();
    dataset.env().heal();
    const std::unique_ptr<Store> store = dataset.open();
    check(*store);
    store->append("cut", "more");
    REQUIRE(store->get("cut") == piece + "more");
    if (dataset.env().sync_failed()) (void)dataset.verify(true);
    REQUIRE(dataset.verify(false).problems.empty());
    return fired;
  });
  REQUIRE(failed > 0);
}

}  // namespace
}  // namespace accrete::test
