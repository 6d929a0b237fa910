// What compressed values have beyond the contract: damage, limits, and how a dataset comes to them.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <set>
#include <unistd.h>

#include "codec/frame.hpp"
#include "codec/frame_encoder.hpp"
#include "support/child.hpp"
#include "support/file_bytes.hpp"
#include "support/hooked_store.hpp"
#include "support/random_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

using namespace std::string_literals;

const std::string piece = "one piece and another piece and one more piece";

class Dataset {
 public:
  explicit Dataset(const Codec& codec = parse_codec(codec_names().back())) {
    create(url(), {.codec = codec});
    for (int i = 0; i < 3; ++i) put(url(), {{"key", piece}});
  }
  [[nodiscard]] std::string url() const { return directory_ / "dataset"; }
  [[nodiscard]] std::string file() const { return url() + "/key"; }

 private:
  TemporaryDirectory directory_;
};

TEST_CASE("a changed header is found by all that pass over it") {
  const Dataset dataset;
  const std::string whole = read_file(dataset.file());
  const auto store = open(dataset.url());
  for (std::size_t i = 0; i < frame_header_size - sizeof(FrameHeader::checksum); ++i) {
    for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      CAPTURE(i);
      CAPTURE(flip);
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      write_file(dataset.file(), changed);
      CHECK_THROWS_AS((void)store->size("key"), CorruptionError);
      CHECK_THROWS_AS((void)store->get_range("key", piece.size() * 2 + 1, 1), CorruptionError);
      CHECK_THROWS_AS((void)store->list(), CorruptionError);
      CHECK_THROWS_AS((void)store->stats(), CorruptionError);
      const Entry entry{"key", "x"};
      CHECK_THROWS_AS(store->append_batch({&entry, 1}, {.expect_size = piece.size() * 3}), CorruptionError);
    }
  }
}

TEST_CASE("each changed byte of a value is found by get and by verify") {
  const Dataset dataset;
  const std::string whole = read_file(dataset.file());
  const auto store = open(dataset.url());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CAPTURE(i);
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    write_file(dataset.file(), changed);
    CHECK_THROWS_WITH_AS((void)store->get("key"), doctest::Contains("'key'"), CorruptionError);
    const std::vector<std::string> problems = verify(dataset.url()).problems;
    REQUIRE(problems.size() == 1);
    CHECK(problems.front().find("'key'") != std::string::npos);
  }
  write_file(dataset.file(), whole);
  CHECK(store->get("key") == piece + piece + piece);
  CHECK(verify(dataset.url()).problems.empty());
}

TEST_CASE("a value cut anywhere but between two pieces is refused by every call that reads it") {
  const Dataset dataset;
  const std::string whole = read_file(dataset.file());
  const auto store = open(dataset.url());
  const std::set<std::size_t> between = {0, whole.size() / 3, whole.size() / 3 * 2};
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    write_file(dataset.file(), whole.substr(0, size));
    if (between.contains(size)) {
      CHECK(store->size("key") == size / (whole.size() / 3) * piece.size());
      continue;
    }
    CHECK_THROWS_AS((void)store->get("key"), CorruptionError);
    CHECK_THROWS_AS((void)store->get_range("key", 0, 1000), CorruptionError);
    CHECK_THROWS_AS((void)store->size("key"), CorruptionError);
    CHECK_THROWS_AS((void)store->list(), CorruptionError);
  }
}

TEST_CASE("a repair cuts out what is no whole frame, and keeps all others") {
  const Dataset dataset;
  const std::string whole = read_file(dataset.file());
  const std::size_t one = whole.size() / 3;
  const auto store = open(dataset.url());
  store->append("untouched", piece);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CAPTURE(i);
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    write_file(dataset.file(), changed);
    const VerifyReport report = verify(dataset.url(), {.repair = true});
    CHECK(report.problems.empty());
    REQUIRE(!report.repairs.empty());
    CHECK(report.repairs.back().find("cut " + std::to_string(one) + " of the ") != std::string::npos);
    CHECK(read_file(dataset.file()) == whole.substr(one));
    CHECK(verify(dataset.url()).problems.empty());
    // What was open before goes on in the file that has taken the other's place.
    store->append("key", "more");
    CHECK(store->get("key") == piece + piece + "more");
    CHECK(open(dataset.url())->get("key") == piece + piece + "more");
    CHECK(store->stats().bytes == 3 * piece.size() + 4);
    CHECK(verify(dataset.url()).problems.empty());
  }
  CHECK(store->get("untouched") == piece);
}

TEST_CASE("a repair cuts a torn tail off, with zero bytes or without, and what was appended after it stays") {
  const Dataset dataset;
  const std::string whole = read_file(dataset.file());
  const std::size_t one = whole.size() / 3;
  const auto store = open(dataset.url());
  for (std::size_t size = 1; size < one; ++size) {
    for (const std::string& torn : {whole.substr(0, size), whole.substr(0, size) + std::string(one - size, '\0')}) {
      CAPTURE(size);
      write_file(dataset.file(), whole + torn);
      (void)verify(dataset.url(), {.repair = true});
      CHECK(read_file(dataset.file()) == whole);
      write_file(dataset.file(), whole + torn + whole);
      (void)verify(dataset.url(), {.repair = true});
      CHECK(read_file(dataset.file()) == whole + whole);
    }
  }
  write_file(dataset.file(), std::string(100, '\0'));
  CHECK(verify(dataset.url(), {.repair = true}).repairs.size() == 2);  // the totals, too
  CHECK(store->size("key") == 0);
  CHECK(verify(dataset.url()).problems.empty());
}

TEST_CASE("a repair does not take the bytes of a damaged frame for frames") {
  const Dataset dataset(Codec{});
  const std::string frames = read_file(dataset.file());
  const auto store = open(dataset.url());
  store->append("nested", frames);
  store->append("nested", "end");
  std::string changed = read_file(dataset.url() + "/nested");
  changed[frames.size()] = static_cast<char>(changed[frames.size()] ^ 1);
  write_file(dataset.url() + "/nested", changed);
  CHECK(verify(dataset.url(), {.repair = true}).repairs.size() == 1);
  CHECK(store->get("nested") == "end");
}

TEST_CASE("pieces of other codecs are read, whatever the dataset's own is") {
  const Dataset dataset;
  std::string bytes = read_file(dataset.file());
  std::string expected = piece + piece + piece;
  for (const std::string& name : codec_names()) {
    FrameEncoder(parse_codec(name)).append_frames(name + piece, bytes);
    expected += name + piece;
  }
  write_file(dataset.file(), bytes);
  CHECK(get(dataset.url(), {"key"}).front() == expected);
  CHECK(open(dataset.url())->get_range("key", piece.size() * 3, 3) == expected.substr(piece.size() * 3, 3));
}

TEST_CASE("what would decode to more than the limit is TooLargeError, and is read in pieces") {
  const auto store = compressed(memory_store(), Codec(), {.limit_bytes = 1000});
  const std::string large(1001, 'x');
  store->append("key", large);
  CHECK_THROWS_WITH_AS((void)store->get("key"), doctest::Contains("get_range"), TooLargeError);
  CHECK(store->size("key") == large.size());
  CHECK(store->get_range("key", 1, 1000) == large.substr(1));
  store->append("small", "y");
  CHECK(store->get("small") == "y");
  store->append("half", large.substr(0, 600));
  const std::vector<std::string_view> two = {"half", "half"};
  CHECK_THROWS_AS((void)store->get_batch(two), TooLargeError);
}

TEST_CASE("a range of a value of many large pieces is what substr has") {
  const auto store = compressed(memory_store());
  std::string value;
  for (int i = 0; i < 300'000; ++i) value += std::to_string(i) + ",";
  for (std::size_t at = 0; at < value.size(); at += 300'001) store->append("key", value.substr(at, 300'001));
  for (const std::size_t offset : {std::size_t{0}, std::size_t{300'000}, std::size_t{300'001}, std::size_t{1'000'000},
                                   value.size() - 1, value.size(), value.size() + 1}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{300'002}, value.size()}) {
      CAPTURE(offset);
      CAPTURE(size);
      const bool is_right =
          store->get_range("key", offset, size) == (offset < value.size() ? value.substr(offset, size) : ""s);
      CHECK(is_right);
    }
  }
}

TEST_CASE("a dataset's marker has its codec, and its totals what the values take") {
  for (const std::string& name : codec_names()) {
    CAPTURE(name);
    const Dataset dataset(parse_codec(name));
    CHECK(info(dataset.url()).codec == name);
    const Stats stats = open(dataset.url())->stats();
    CHECK(stats.keys == 1);
    CHECK(stats.bytes == 3 * piece.size());
    CHECK(stats.stored_bytes == read_file(dataset.file()).size());
  }
}

TEST_CASE("the bytes of a batch for one key are compressed together") {
  auto below = memory_store();
  const Store& raw = *below;
  const auto store = compressed(std::move(below), Codec());
  std::vector<Entry> entries;
  for (int i = 0; i < 1000; ++i) {
    entries.push_back({"a", "one;"});
    entries.push_back({"b", "two;"});
  }
  store->append_batch(entries);
  CHECK(raw.size("a") == 4000 + frame_header_size);
  CHECK(store->get("b").substr(0, 8) == "two;two;");
  CHECK(store->size("b") == 4000);
}

TEST_CASE("what a buffer's journal brings back is compressed as what the buffer hands down") {
  const auto stored_bytes = [](bool kill) {
    const TemporaryDirectory directory;
    const std::string url = directory / "dataset";
    create(url, {.codec = parse_codec(codec_names().back())});
    REQUIRE(succeeds(start_child([&] {
      const auto store = open(url, {.buffer = BufferOptions{}});
      for (int i = 0; i < 2000; ++i) store->append("key", "a line of some length, as in a log\n");
      if (kill) _exit(0);
    })));
    const auto store = open(url);
    CHECK(store->size("key") == 2000 * 35);
    return store->stats().stored_bytes;
  };
  CHECK(stored_bytes(true) <= stored_bytes(false) + 3 * frame_header_size);
}

/// A store over `next`, which must outlive it, that runs `hook` before each `get_range`.
std::unique_ptr<Store> hooked(Store& next, std::function<void()> hook) {
  auto store = std::make_unique<HookedStore>(next);
  store->before = [hook = std::move(hook)](HookedStore::Call call, std::string_view) {
    if (call == HookedStore::Call::get_range) hook();
  };
  return store;
}

std::string frames_of(const std::vector<std::string>& pieces) {
  FrameEncoder encoder{Codec{}};
  std::string frames;
  for (const std::string& bytes : pieces) encoder.append_frames(bytes, frames);
  return frames;
}

TEST_CASE("a value that is erased and begun anew while it is read is never taken for one with the old") {
  const std::string a = frames_of({std::string(100'000, 'a'), std::string(50'000, 'A'), std::string(70'000, 'a')});
  const std::string b = frames_of({std::string(50'000, 'b'), std::string(100'000, 'B'), std::string(90'000, 'b')});
  const std::string values[] = {std::string(100'000, 'a') + std::string(50'000, 'A') + std::string(70'000, 'a'),
                                std::string(50'000, 'b') + std::string(100'000, 'B') + std::string(90'000, 'b')};
  for (int swap_at = 1; swap_at < 12; ++swap_at) {
    for (const bool again : {false, true}) {
      CAPTURE(swap_at);
      CAPTURE(again);
      int calls = 0;
      bool is_a = true;
      const auto below = memory_store();
      below->append("key", a);
      const auto store = compressed(hooked(*below,
                                           [&] {
                                             ++calls;
                                             if (calls != swap_at && !(again && calls > swap_at)) return;
                                             below->erase("key");
                                             below->append("key", is_a ? b : a);
                                             is_a = !is_a;
                                           }),
                                    Codec{});
      const auto is_of_one = [&](const std::string& range, std::size_t offset, std::size_t size) {
        return range == values[0].substr(offset, size) || range == values[1].substr(offset, size);
      };
      CHECK(is_of_one(store->get_range("key", 120'000, 60'000), 120'000, 60'000));
      CHECK(is_of_one(store->get_range("key", 180'000, 60'000), 180'000, 60'000));
      const auto size = store->size("key");
      CHECK((size == values[0].size() || size == values[1].size()));
      const std::vector<KeySize> keys = store->list();
      CHECK((keys == std::vector<KeySize>{{"key", values[0].size()}} ||
             keys == std::vector<KeySize>{{"key", values[1].size()}}));
    }
  }
}

TEST_CASE("ranges that are read one after the other read each frame below once") {
  std::uint64_t reads = 0;
  const auto below = memory_store();
  const auto store = compressed(hooked(*below, [&] { ++reads; }), Codec{});
  std::string value;
  Random random(1);
  for (int i = 0; i < 40; ++i) {
    const std::string bytes = random_bytes(random, 300'000);
    store->append("key", bytes);
    value += bytes;
  }
  reads = 0;
  std::string found;
  constexpr std::size_t step = 20'000;
  for (std::size_t at = 0; at < value.size(); at += step) found += store->get_range("key", at, step);
  CHECK((found == value));
  CHECK(reads <= 1 + 2 * 40 + value.size() / (std::size_t{1} << 20));
  reads = 0;
  CHECK(store->size("key") == value.size());
  store->append("key", "more");
  CHECK(store->size("key") == value.size() + 4);
  CHECK(reads <= 2);
}

TEST_CASE("a directory is adopted as what its files are: raw values, or frames") {
  const TemporaryDirectory directory;
  write_file(directory / "key", "raw");
  CHECK_THROWS_AS(create(directory.path(), {.adopt = true, .codec = Codec()}), CorruptionError);
  const Dataset compressed;
  std::filesystem::copy(compressed.file(), directory / "other");
  CHECK_THROWS_WITH_AS(create(directory.path(), {.adopt = true}), doctest::Contains("'other' is compressed"),
                       InvalidArgumentError);
  std::filesystem::remove(directory / "key");
  create(directory.path(), {.adopt = true, .codec = Codec()});
  CHECK(get(directory.path(), {"other"}).front() == piece + piece + piece);
  CHECK(info(directory.path()).codec == "stored");
}

}  // namespace
}  // namespace accrete::test
