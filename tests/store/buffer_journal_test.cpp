// What a buffer that died has left in its journal is handed down once and in order, whatever happened to the journal.
#include "store/buffer_journal.hpp"

#include <accrete/accrete.hpp>
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>

#include "base/record.hpp"
#include "store/files_dataset.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/model.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* first_segment = "/.buffer-1";

/// A dataset as it lies on disk when a buffer over it is killed. `appends` is how it came to that.
class Image {
 public:
  template <typename Appends>
  explicit Image(Appends appends) {
    const std::string living = directory_ / "living";
    create(living);
    const std::unique_ptr<Store> store = open(living, {.buffer = BufferOptions{.limit_bytes = 1 << 20}});
    appends(*store);
    fs::copy(living, path(), fs::copy_options::recursive);
  }

  [[nodiscard]] std::string path() const { return directory_ / "killed"; }
  /// Another copy, to be opened or harmed.
  [[nodiscard]] std::string copy() {
    const std::string to = directory_ / ("copy-" + std::to_string(++copies_));
    fs::copy(path(), to, fs::copy_options::recursive);
    return to;
  }

 private:
  TemporaryDirectory directory_;
  int copies_ = 0;
};

/// Where the records of a segment end: zeros may stand behind them.
std::size_t end_of(const std::string& segment) {
  const std::size_t last = segment.find_last_not_of('\0') + 1;
  return last + (record_alignment - last % record_alignment) % record_alignment;
}

void append_numbers(Store& store) {
  for (int i = 0; i < 20; ++i) {
    const std::string piece = std::to_string(i) + ";";
    const std::vector<Entry> batch = {{"a", piece}, {"b", piece}};
    store.append_batch(batch);
  }
}

std::string numbers(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += std::to_string(i) + ";";
  return all;
}

TEST_CASE("what a dead buffer had acknowledged is handed down by the next to open the dataset") {
  Image image(append_numbers);
  CHECK_FALSE(fs::exists(image.path() + "/a"));
  CHECK_FALSE(verify(image.path()).problems.empty());
  const std::unique_ptr<Store> store = open(image.path());
  CHECK(store->get("a") == numbers(20));
  CHECK(store->get("b") == numbers(20));
  CHECK_FALSE(fs::exists(image.path() + first_segment));
  CHECK(verify(image.path()).problems.empty());
}

TEST_CASE("a large entry goes straight down, behind what is gathered for its key, and is there once after a kill") {
  const std::string large(std::size_t{64} << 10, 'L');
  Image image([&](Store& store) {
    append_numbers(store);
    const std::uint64_t gathered = store.stats().buffered_bytes;
    store.append("a", large);
    CHECK(store.stats().buffered_bytes == gathered / 2);  // of "b"
    store.append("a", "last;");
    CHECK(store.get("a") == numbers(20) + large + "last;");
  });
  CHECK(fs::file_size(image.path() + "/a") == numbers(20).size() + large.size());
  const std::unique_ptr<Store> store = open(image.path());
  CHECK(store->get("a") == numbers(20) + large + "last;");
  CHECK(store->get("b") == numbers(20));
}

TEST_CASE("a Store that was open before the buffer hands down what the buffer has left, too") {
  const TemporaryDirectory directory;
  const std::string path = directory / "dataset";
  create(path);
  const std::unique_ptr<Store> before = open(path);
  before->append("a", "first;");
  Image image(append_numbers);
  for (const char* const name : {".control", first_segment + 1, ".writers"}) {
    if (fs::exists(image.path() + "/" + name)) {
      write_file(path + "/" + name, read_file(image.path() + "/" + name));
    }
  }
  CHECK(before->get("b") == numbers(20));
}

TEST_CASE("flushes, erases and drops are replayed in their place") {
  Image image([](Store& store) {
    store.append("gone", "x");
    store.append("kept", "1");
    store.flush();
    store.append("gone", "y");
    store.append("kept", "2");
    store.erase("gone");
    store.append("gone", "z");
    store.append("late", "3");
  });
  CHECK(open(image.path())->get("gone") == "z");
  CHECK(open(image.path())->get("kept") == "12");
  CHECK(open(image.path())->get("late") == "3");

  Image dropped([](Store& store) {
    store.append("a", "1");
    store.drop();
    store.append("b", "2");
  });
  CHECK(open(dropped.path())->list() == std::vector<KeySize>{{.key = "b", .size = 1}});
}

TEST_CASE("a journal that knows of a step which the dataset does not is refused") {
  const TemporaryDirectory directory;
  const std::string path = directory / "dataset";
  create(path);
  {
    const std::unique_ptr<Store> store = open(path, {.buffer = BufferOptions{}});
    store->append("a", "1");
    store->flush();
    const std::string early = read_file(path + "/.writers");
    for (int i = 0; i < 2; ++i) {
      store->append("a", "2");
      store->flush();
    }
    fs::copy(path, directory / "killed", fs::copy_options::recursive);
    write_file(directory / "killed/.writers", early);
  }
  CHECK_THROWS_WITH_AS((void)open(directory / "killed"), doctest::Contains("does not follow what was done before it"),
                       CorruptionError);
}

TEST_CASE("a segment that ends before the next one was begun is refused, and repaired") {
  Image image([](Store& store) {
    const std::string piece(20'000, 'x');
    for (int i = 0; i < 80; ++i) store.append("key " + std::to_string(i), piece);
  });
  const auto number_of = [&](const char* name) {
    return decode_buffer_segment_header(read_file(image.path() + name))->number;
  };
  const std::string older = number_of("/.buffer-0") < number_of("/.buffer-1") ? "/.buffer-0" : "/.buffer-1";
  std::string bytes = read_file(image.path() + older);
  const std::size_t last = bytes.rfind("key ");
  REQUIRE(last != std::string::npos);
  bytes[last] = '!';
  write_file(image.path() + older, bytes);
  CHECK_THROWS_AS((void)open(image.path()), CorruptionError);
  const std::vector<std::string> problems = verify(image.path()).problems;
  CHECK(std::any_of(problems.begin(), problems.end(), [](const std::string& problem) {
    return problem.find("the records of one segment end") != std::string::npos;
  }));
  CHECK_FALSE(verify(image.path(), {.repair = true}).repairs.empty());
  CHECK(open(image.path())->size("key 79") == 20'000);
}

TEST_CASE("a batch with an id is not applied again after its buffer died") {
  const BatchId id{writer_id(7), 5};
  const Entry entry{"a", "once"};
  Image image([&](Store& store) { store.append_batch({&entry, 1}, {.id = id}); });
  const std::unique_ptr<Store> store = open(image.path());
  CHECK(store->last_sequence(writer_id(7)) == 5);
  store->append_batch({&entry, 1}, {.id = id});
  CHECK(store->get("a") == "once");
}

TEST_CASE("a journal that is cut at any length loses its tail only, in whole batches") {
  Image image(append_numbers);
  const std::string whole = read_file(image.path() + first_segment);
  std::size_t most = 0;
  for (std::size_t size = buffer_segment_header_size; size <= end_of(whole); size += 5) {
    const std::string path = image.copy();
    write_file(path + first_segment, whole.substr(0, size));
    const std::unique_ptr<Store> store = open(path);
    const std::string value = store->get("a");
    REQUIRE(value == numbers(20).substr(0, value.size()));
    REQUIRE((value.empty() || value.ends_with(';')));
    REQUIRE(store->get("b") == value);
    REQUIRE(value.size() >= most);
    most = value.size();
    fs::remove_all(path);
  }
  CHECK(most > 0);
}

TEST_CASE("a journal that is damaged in its middle is refused, and repaired but for what stood there") {
  Image image(append_numbers);
  const std::string whole = read_file(image.path() + first_segment);
  for (const std::size_t at : {buffer_segment_header_size + 4, buffer_segment_header_size + 30, end_of(whole) / 2}) {
    const std::string path = image.copy();
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file(path + first_segment, damaged);
    CHECK_THROWS_AS(static_cast<void>(open(path)), CorruptionError);
    CHECK_FALSE(verify(path).problems.empty());
    CHECK(read_file(path + first_segment) == damaged);
    const VerifyReport repaired = verify(path, {.repair = true});
    REQUIRE(repaired.repairs.size() == 1);
    CHECK(repaired.repairs[0].find("damaged") != std::string::npos);
    CHECK(verify(path).problems.empty());
    const std::string value = open(path)->get("a");
    CHECK(value == open(path)->get("b"));
    CHECK(value.size() < numbers(20).size());
    CHECK(value.ends_with("18;19;"));
  }
}

TEST_CASE("whole records are found behind a stretch of zeros of any length") {
  constexpr int appends = 400;
  Image image([](Store& store) {
    for (int i = 0; i < appends; ++i) store.append("a", "a piece;");
  });
  const std::string whole = read_file(image.path() + first_segment);
  const std::size_t size = (end_of(whole) - buffer_segment_header_size) / appends;  // of a record
  REQUIRE(size % record_alignment == 0);
  constexpr std::size_t first = 10;
  for (const std::size_t near : {std::size_t{100}, std::size_t{4096}, std::size_t{8192}, std::size_t{12288}}) {
    for (std::size_t lost = near / size; lost <= near / size + 2; ++lost) {
      CAPTURE(lost);
      const std::string path = image.copy();
      std::string damaged = whole;
      damaged.replace(buffer_segment_header_size + first * size, lost * size, lost * size, '\0');
      write_file(path + first_segment, damaged);
      CHECK_THROWS_AS(static_cast<void>(open(path)), CorruptionError);
      static_cast<void>(verify(path, {.repair = true}));
      std::string left;
      for (std::size_t i = 0; i < appends - lost; ++i) left += "a piece;";
      CHECK(open(path)->get("a") == left);
      fs::remove_all(path);
    }
  }
}

TEST_CASE("a replay that fails at any operation is completed by the next, and doubles nothing") {
  Image image([](Store& store) {
    append_numbers(store);
    store.flush();
    store.erase("b");
    append_numbers(store);
  });
  FaultEnv env(posix_env(), FaultEnv::Syncs::counted);
  int failures = 0;
  bool completed = false;
  for (std::uint64_t n = 1; !completed; ++n) {
    const std::string path = image.copy();
    env.fail_at(n, {.how = Fault::How::for_good});
    try {
      static_cast<void>(open_files(env, path, {})->get("a"));
    } catch (const Error&) {
    }
    completed = !env.fired();
    failures += env.fired() ? 1 : 0;
    env.heal();
    const std::unique_ptr<Store> store = open(path);
    REQUIRE(store->get("a") == numbers(20) + numbers(20));
    REQUIRE(store->get("b") == numbers(20));
    fs::remove_all(path);
  }
  CHECK(failures > 10);
}

}  // namespace
}  // namespace accrete::test
