// What compressed values have beyond the contract: damage, limits, and how a dataset comes to them.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <set>

#include "codec/frame_encoder.hpp"
#include "support/file_bytes.hpp"
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

TEST_CASE("a repair cuts a torn tail off, with zero bytes or without, and what was appended behind it stays") {
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

TEST_CASE("a directory of raw files is not adopted with a codec") {
  const TemporaryDirectory directory;
  write_file(directory / "key", "raw");
  CHECK_THROWS_AS(create(directory.path(), {.adopt = true, .codec = Codec()}), InvalidArgumentError);
  create(directory.path(), {.adopt = true});
  CHECK(get(directory.path(), {"key"}).front() == "raw");
}

}  // namespace
}  // namespace accrete::test
