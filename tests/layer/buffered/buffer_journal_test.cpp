// What a buffer that died has left in its journal is handed down once and in order, whatever happened to the journal.
#include "layer/buffered/buffer_journal.hpp"

#include <accrete/accrete.hpp>
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>

#include "api/datasets.hpp"
#include "base/record.hpp"
#include "dataset/names.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/model.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* first_segment = "/.buffer-1";

struct Dataset {
  Durability durability = Durability::os;
  std::optional<Codec> codec{};
};

/// A dataset as it lies on disk when a buffer over it is killed. It had `values` before there was the buffer; `appends`
/// is how it came to that.
class Image {
 public:
  template <typename Appends>
  explicit Image(Appends appends, const std::vector<Entry>& values = {}, const Dataset& dataset = {}) {
    const std::string living = directory_ / "living";
    create(living, {.codec = dataset.codec});
    open(living)->append_batch(values);
    const std::unique_ptr<Store> store =
        open(living, {.buffer = BufferOptions{.limit_bytes = 1 << 20}, .durability = dataset.durability});
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

/// Where the records of a segment end: zeros may stand after them.
std::size_t end_of(const std::string& segment) {
  const std::size_t last = segment.find_last_not_of('\0') + 1;
  return last + (record_alignment - last % record_alignment) % record_alignment;
}

bool any_contains(const std::vector<std::string>& sentences, const std::string& part) {
  return std::ranges::any_of(sentences, [&](const std::string& one) { return one.find(part) != std::string::npos; });
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

TEST_CASE("the journal of a buffer that has little takes little room on the disk, and grows with what comes") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  create(url);
  const std::unique_ptr<Store> store = open(url, {.buffer = BufferOptions{}});
  const auto journal_size = [&] {
    std::uintmax_t size = 0;
    for (const char* name : buffer_journal_names) size += fs::file_size(url + "/" + name);
    return size;
  };
  for (int i = 0; i < 15; ++i) store->append("key", "small");
  CHECK(journal_size() <= 128 << 10);
  const std::string piece(1000, 'x');
  for (int i = 0; i < 10'000; ++i) store->append("key", piece);
  CHECK(journal_size() > 10'000'000);
  CHECK(store->size("key") == 15 * 5 + 10'000'000);
}

TEST_CASE("a large entry goes straight down, after what is gathered for its key, and is there once after a kill") {
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
  before->append("c", "first;");
  Image image(append_numbers);
  for (const char* const name : {"/.control", "/.buffer-0", first_segment}) {
    write_file(path + name, read_file(image.path() + name));
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

TEST_CASE("a segment that ends before the next one was begun is refused, and repaired") {
  Image image([](Store& store) {
    const std::string piece(20'000, 'x');
    for (int i = 0; i < 80; ++i) store.append("key " + std::to_string(i), piece);
  });
  const auto number_of = [&](const char* name) {
    return decode_buffer_segment_front(read_file(image.path() + name))->number;
  };
  const std::string older = number_of("/.buffer-0") < number_of("/.buffer-1") ? "/.buffer-0" : "/.buffer-1";
  std::string bytes = read_file(image.path() + older);
  const std::size_t last = bytes.rfind("key ");
  REQUIRE(last != std::string::npos);
  bytes[last] = '!';
  write_file(image.path() + older, bytes);
  CHECK_THROWS_AS((void)open(image.path()), CorruptionError);
  CHECK(any_contains(verify(image.path()).problems, "was begun"));
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

TEST_CASE("a journal that is cut off is refused, and a repair keeps whole batches of it") {
  Dataset dataset;
  SUBCASE("of a buffer that syncs") { dataset.durability = Durability::sync; }
  SUBCASE("of one that does not") {}
  Image image(append_numbers, {}, dataset);
  const std::string whole = read_file(image.path() + first_segment);
  std::size_t most = 0;
  REQUIRE(whole.size() == buffer_segment_unit);
  for (std::size_t size = buffer_segment_front_size + 1; size <= end_of(whole) + 5; size += 5) {
    const std::string path = image.copy();
    write_file(path + first_segment, whole.substr(0, size));
    REQUIRE_THROWS_WITH_AS((void)open(path), doctest::Contains(".buffer-1 is cut off"), CorruptionError);
    REQUIRE(any_contains(verify(path).problems, "is cut off"));
    REQUIRE_FALSE(verify(path, {.repair = true}).problems.empty());
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
  for (const std::size_t at : {buffer_segment_front_size + 4, buffer_segment_front_size + 30, end_of(whole) / 2}) {
    const std::string path = image.copy();
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file(path + first_segment, damaged);
    CHECK_THROWS_AS(static_cast<void>(open(path)), CorruptionError);
    CHECK_FALSE(verify(path).problems.empty());
    CHECK(read_file(path + first_segment) == damaged);
    const VerifyReport repaired = verify(path, {.repair = true});
    CHECK(any_contains(repaired.repairs, "is damaged between its bytes"));
    CHECK(read_file(path + "/.buffer-1.damaged") == damaged);
    CHECK(verify(path).problems.empty());
    const std::string value = open(path)->get("a");
    CHECK(value == open(path)->get("b"));
    CHECK(value.size() < numbers(20).size());
    CHECK(value.ends_with("18;19;"));
  }
}

TEST_CASE("whole records are found after a stretch of zeros of any length") {
  constexpr int appends = 400;
  Image image([](Store& store) {
    for (int i = 0; i < appends; ++i) store.append("a", "a piece;");
  });
  const std::string whole = read_file(image.path() + first_segment);
  constexpr std::size_t places_size = 4 + buffer_place_size;                                     // in the first record
  const std::size_t size = (end_of(whole) - buffer_segment_front_size - places_size) / appends;  // of a record
  REQUIRE(size % record_alignment == 0);
  constexpr std::size_t first = 10;
  for (const std::size_t near : {std::size_t{100}, std::size_t{4096}, std::size_t{8192}, std::size_t{12288}}) {
    for (std::size_t lost = near / size; lost <= near / size + 2; ++lost) {
      CAPTURE(lost);
      const std::string path = image.copy();
      std::string damaged = whole;
      damaged.replace(buffer_segment_front_size + places_size + first * size, lost * size, lost * size, '\0');
      write_file(path + first_segment, damaged);
      CHECK_THROWS_AS(static_cast<void>(open(path)), CorruptionError);
      static_cast<void>(verify(path, {.repair = true}));
      std::string left;
      for (std::size_t i = 0; i < appends - lost; ++i) left += "a piece;";
      CHECK((open(path)->get("a") == left));
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
      static_cast<void>(open_dataset(env, path, {})->get("a"));
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

/// A dataset whose values had "old;" each when its buffer was killed with more of them in the journal.
Image image_with_values() { return Image(append_numbers, {{"a", "old;"}, {"b", "old;"}}); }

TEST_CASE("a value that has a part of what the journal holds gets the rest") {
  Image image = image_with_values();
  const std::string expected = "old;" + numbers(20);
  for (std::size_t size = 4; size <= expected.size(); ++size) {
    const std::string path = image.copy();
    write_file(path + "/a", expected.substr(0, size));  // as a flush could have left it
    const std::unique_ptr<Store> store = open(path);
    REQUIRE(store->get("a") == expected);
    REQUIRE(store->get("b") == expected);
    fs::remove_all(path);
  }
}

TEST_CASE("values that the journal does not fit are refused by name, and kept by a repair") {
  Image image = image_with_values();
  std::string value;
  SUBCASE("that have lost bytes") { value = "old"; }
  SUBCASE("that are gone") { value = ""; }
  SUBCASE("that have other bytes than were handed down") { value = "old;0,"; }
  const std::string path = image.path();
  if (value.empty()) fs::remove(path + "/a");
  if (!value.empty()) write_file(path + "/a", value);
  CHECK_THROWS_WITH_AS((void)open(path), doctest::Contains("'a'"), CorruptionError);
  CHECK_THROWS_WITH_AS((void)open(path, {.buffer = BufferOptions{}}), doctest::Contains("'a'"), CorruptionError);
  CHECK(any_contains(verify(path).problems, "the value of key 'a' has"));
  CHECK(any_contains(verify(path).problems, "nothing opens the dataset as it is"));
  const std::string journal = read_file(path + first_segment);
  CHECK(any_contains(verify(path, {.repair = true}).repairs, "the value of key 'a' has"));
  CHECK(read_file(path + "/.buffer-1.damaged") == journal);
  CHECK(verify(path).problems.empty());
  CHECK(open(path)->get("a") == value);
  CHECK(open(path)->get("b") == "old;" + numbers(20));
}

TEST_CASE("a journal that is gone, in whole or in part, is an error, and a repair says so") {
  Image image = image_with_values();
  for (const char* const name : {"/.buffer-0", "/.buffer-1"}) {
    for (const bool is_emptied : {true, false}) {
      CAPTURE(name);
      CAPTURE(is_emptied);
      const std::string path = image.copy();
      if (is_emptied) write_file(path + name, "");
      if (!is_emptied) fs::remove(path + name);
      CHECK_THROWS_AS((void)get(path, {"a"}), CorruptionError);
      CHECK_THROWS_AS(put(path, {{"a", "x"}}), CorruptionError);
      CHECK_THROWS_AS((void)open(path, {.buffer = BufferOptions{}}), CorruptionError);
      CHECK(any_contains(verify(path).problems, is_emptied ? "is empty" : "is missing"));
      CHECK(any_contains(verify(path, {.repair = true}).repairs, is_emptied ? "is empty" : "is missing"));
      CHECK(verify(path).problems.empty());
      // The first segment that is written to is the second.
      CHECK(open(path)->get("a") == (name == std::string("/.buffer-0") ? "old;" + numbers(20) : "old;"));
    }
  }
}

TEST_CASE("one damaged byte in the front of a segment loses nothing") {
  Image image = image_with_values();
  for (const char* const name : {"/.buffer-0", "/.buffer-1"}) {
    const std::string whole = read_file(image.path() + name);
    for (std::size_t at = 0; at < buffer_segment_front_size; at += 3) {
      CAPTURE(at);
      const std::string path = image.copy();
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      write_file(path + name, damaged);
      REQUIRE(open(path)->get("a") == "old;" + numbers(20));
      fs::remove_all(path);
    }
  }
}

TEST_CASE("a segment without any whole header is set aside by a repair, and what is in the other one is kept") {
  Image image = image_with_values();
  const std::string path = image.path();
  const std::string harmed =
      std::string(buffer_segment_front_size, 'x') + read_file(path + first_segment).substr(buffer_segment_front_size);
  write_file(path + first_segment, harmed);
  CHECK_THROWS_WITH_AS((void)open(path), doctest::Contains("does not begin as a segment"), CorruptionError);
  CHECK(any_contains(verify(path, {.repair = true}).repairs, "does not begin as a segment"));
  CHECK(read_file(path + "/.buffer-1.damaged") == harmed);
  CHECK(verify(path).problems.empty());
}

TEST_CASE("a repair does not write over what an earlier one has set aside") {
  Image image = image_with_values();
  const std::string path = image.path();
  write_file(path + "/a", "other");
  write_file(path + "/.buffer-1.damaged", "kept");
  CHECK_THROWS_WITH_AS((void)verify(path, {.repair = true}), doctest::Contains("move it away"), ExistsError);
  CHECK(read_file(path + "/.buffer-1.damaged") == "kept");
  fs::remove(path + "/.buffer-1.damaged");
  CHECK_FALSE(verify(path, {.repair = true}).repairs.empty());
  CHECK(open(path)->get("b") == "old;" + numbers(20));
}

void damage(const std::string& path, const std::string& entry) {
  std::string journal = read_file(path + first_segment);
  const std::size_t at = journal.find(entry);
  REQUIRE(at != std::string::npos);
  journal[at] = static_cast<char>(journal[at] ^ 1);
  write_file(path + first_segment, journal);
}

TEST_CASE("all that is whole after damage is handed down, though what is damaged had the place of the key") {
  Dataset dataset;
  SUBCASE("of a buffer that syncs") { dataset.durability = Durability::sync; }
  SUBCASE("of one that does not") {}
  SUBCASE("of compressed values") { dataset.codec = parse_codec(codec_names().back()); }
  const std::string large(std::size_t{64} << 10, 'L');
  const auto appends = [&](Store& store) {
    for (int i = 0; i < 200; ++i) store.append("a", "<" + std::to_string(i) + ">");
    store.append("large", "<lost>");
    store.append("large", "<there>");
    store.append("large", large);
    store.append("large", "<after>");
  };
  Image image(appends, {{"a", "old;"}, {"large", "old;"}}, dataset);
  const std::string large_before = open(image.copy())->get("large");
  damage(image.path(), "<0>");
  CHECK_THROWS_AS((void)open(image.path()), CorruptionError);
  const VerifyReport report = verify(image.path(), {.repair = true});
  CHECK(any_contains(report.problems, "not all that the buffer's journal held was handed down: it lacks whatever"));
  std::string expected = "old;";
  for (int i = 1; i < 200; ++i) expected += "<" + std::to_string(i) + ">";
  CHECK(open(image.path())->get("a") == expected);
  CHECK((open(image.path())->get("large") == large_before));
  CHECK(verify(image.path()).problems.empty());
}

TEST_CASE("what is after damage is placed by what the next segment says of its key") {
  const auto appends = [](Store& store) {
    for (const char* const piece : {"<lost>", "<1>"}) store.append("a", piece);
    for (const char key : std::string_view("cdefghij"))
      store.append(std::string(1, key), "");  // too many to write over
    const std::string piece(20'000, 'x');
    for (int i = 0; i < 60; ++i) store.append("b", piece);
    for (const char* const after : {"<2>", "<3>"}) store.append("a", after);
  };
  Image image(appends, {{"a", "old;"}});
  const std::string path = image.path();
  CHECK(decode_buffer_segment_front(read_file(path + "/.buffer-0"))->number == 2);
  damage(path, "<lost>");
  SUBCASE("that it has not yet") {
    static_cast<void>(verify(path, {.repair = true}));
    CHECK(open(path)->get("a") == "old;<1><2><3>");
  }
  SUBCASE("that it has in part") {
    write_file(path + "/a", "old;<lost><1><2>");
    static_cast<void>(verify(path, {.repair = true}));
    CHECK(open(path)->get("a") == "old;<lost><1><2><3>");
  }
  CHECK(open(path)->size("b") == 60 * 20'000);
}

TEST_CASE("what is whole after damage and may be in the value is counted, and not appended") {
  std::string value;
  SUBCASE("of which the value has the first") { value = "old;first;lost;after;"; }
  SUBCASE("of which the value may have been given a part before power was lost") { value = "old;first;lost;aft"; }
  const auto appends = [](Store& store) {
    for (const char* const piece : {"first;", "lost;", "after;", "last;"}) store.append("a", piece);
    store.append("b", "kept;");
  };
  Image image(appends, {{"a", "old;"}});
  const std::string path = image.path();
  write_file(path + "/a", value);
  damage(path, "lost;");
  const VerifyReport report = verify(path, {.repair = true});
  CHECK(any_contains(report.repairs, "the value of key 'a' may or may not have"));
  CHECK(any_contains(report.problems, "it lacks 2 whole appends to 1 key, of 11 bytes, and whatever"));
  CHECK(any_contains(report.problems, ".buffer-1.damaged"));
  CHECK(open(path)->get("a") == value);
  CHECK(open(path)->get("b") == "kept;");
}

TEST_CASE("what is after damage is handed down where it is certain that it is not in the value") {
  const auto append_more = [](Store& store) {
    store.append("a", "first;");
    store.append("a", "lost;");
  };
  const auto append_last = [](Store& store) {
    store.append("a", "after;");
    store.append("new", "after;");
  };
  SUBCASE("nothing was") {
    Image image([&](Store& store) {
      append_more(store);
      append_last(store);
    });
    damage(image.path(), "lost;");
    static_cast<void>(verify(image.path(), {.repair = true}));
    CHECK(open(image.path())->get("a") == "first;after;");
    CHECK(open(image.path())->get("new") == "after;");
  }
  SUBCASE("something was") {
    Image image([&](Store& store) {
      append_more(store);
      store.flush();
      append_last(store);
    });
    damage(image.path(), "lost;");
    static_cast<void>(verify(image.path(), {.repair = true}));
    CHECK(open(image.path())->get("a") == "first;lost;after;");
    CHECK(open(image.path())->get("new") == "after;");
  }
}

TEST_CASE("an append after a removal that failed, one that was done, and a large one are each placed right") {
  const std::string large(std::size_t{64} << 10, 'L');
  Image image([&](Store& store) {
    store.append("a", "gone;");
    store.append("b", "gone;");
    store.erase("a");
    store.append("a", large);
    store.append("a", "1;");
    store.drop();
    store.append("b", large);
    store.append("b", "2;");
    store.append("a", "3;");
    store.erase("c");
  });
  const std::unique_ptr<Store> store = open(image.path());
  CHECK(store->get("a") == "3;");
  CHECK((store->get("b") == large + "2;"));
}

TEST_CASE("a buffer that was killed while it was opened keeps nobody out, also if the next one was killed so, too") {
  const TemporaryDirectory directory(memory_directory());
  for (const Durability durability : {Durability::os, Durability::sync}) {
    CAPTURE(static_cast<int>(durability));
    const OpenOptions options{.buffer = BufferOptions{}, .durability = durability};
    const auto is_cut_off = [&](FaultEnv& env, const std::string& path, std::uint64_t n) {
      env.fail_at(n, {.how = Fault::How::changes_for_good});
      try {
        const auto store = open_buffered_dataset(env, path, options);
        env.fail_at(1, {.how = Fault::How::for_good});  // it is killed, whatever it has come to
        return false;
      } catch (const Error&) {
        return true;
      }
    };
    bool first_cut = true;
    for (std::uint64_t first = 1; first_cut; ++first) {
      bool second_cut = true;
      for (std::uint64_t second = 1; second_cut; ++second) {
        CAPTURE(first);
        CAPTURE(second);
        FaultEnv env(posix_env(), FaultEnv::Syncs::counted);
        const std::string path = directory / "dataset";
        create_dataset(env, path, {});
        open_dataset(env, path, {})->append("a", "1;");
        first_cut = is_cut_off(env, path, first);
        env.heal();
        second_cut = is_cut_off(env, path, second);
        env.heal();
        if (env.sync_failed()) (void)verify_dataset(env, path, {.repair = true});
        open_buffered_dataset(env, path, options)->append("a", "2;");
        REQUIRE(open_dataset(env, path, {})->get("a") == "1;2;");
        fs::remove_all(path);
      }
    }
  }
}

TEST_CASE("a buffer that was closed leaves nothing that could be handed down, wherever closing was interrupted") {
  const TemporaryDirectory directory;
  FaultEnv env(posix_env(), FaultEnv::Syncs::counted);
  const std::string path = directory / "dataset";
  bool completed = false;
  int failures = 0;
  for (std::uint64_t n = 1; !completed; ++n) {
    CAPTURE(n);
    create_dataset(env, path, {});
    {
      auto store = open_buffered_dataset(env, path, {.buffer = BufferOptions{}});
      store->append("a", "1;");
      env.fail_at(n, {.how = Fault::How::for_good});
    }
    completed = !env.fired();
    failures += env.fired() ? 1 : 0;
    env.heal();
    if (n % 2 == 0) env.reboot();
    CHECK(open_dataset(env, path, {})->get("a") == "1;");
    CHECK(open_buffered_dataset(env, path, {.buffer = BufferOptions{}})->get("a") == "1;");
    CHECK(verify_dataset(env, path, {}).problems.empty());
    fs::remove_all(path);
  }
  CHECK(failures > 5);
}

}  // namespace
}  // namespace accrete::test
