// Limits that a process is given: size of files, number of descriptors, memory, permissions. Each in a child of its
// own.
#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <accrete/numeric.hpp>
#include <array>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/frame.hpp"
#include "codec/frame_encoder.hpp"
#include "support/child.hpp"
#include "support/file_bytes.hpp"
#include "support/model.hpp"
#include "support/random_bytes.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

void set_limit(__rlimit_resource_t resource, rlim_t value) {
  const rlimit limit{.rlim_cur = value, .rlim_max = value};
  require(::setrlimit(resource, &limit) == 0, "the limit can be set");
}

template <typename E, typename Call>
void require_throws(Call call, const std::string& claim) {
  try {
    call();
  } catch (const E&) {
    return;
  }
  require(false, claim);
}

class Fixture {
 public:
  explicit Fixture(const std::optional<Codec>& codec = std::nullopt) { create(url(), {.codec = codec}); }
  [[nodiscard]] std::string url() const { return directory_ / "dataset"; }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }
  [[nodiscard]] bool is_sound() const { return verify(url()).problems.empty(); }

 private:
  TemporaryDirectory directory_;
};

TEST_CASE("a batch that a file-size limit stops is taken back, and the process lives") {
  for (const bool sync : {false, true}) {
    CAPTURE(sync);
    const Fixture fixture;
    put(fixture.url(), {{"a", "old"}, {"big", std::string(90'000, 'b')}});
    CHECK(succeeds(start_child([&] {
      set_limit(RLIMIT_FSIZE, 100'000);
      const std::unique_ptr<Store> store = open(fixture.url());
      const std::string bytes(20'000, 'x');
      const std::vector<Entry> entries = {{"a", "new"}, {"new", "new"}, {"big", bytes}};
      require_throws<IoError>([&] { store->append_batch(entries, {.sync = sync}); }, "the limit is an error");
      require(store->get("a") == "old" && !store->size("new") && store->size("big") == 90'000, "nothing was applied");
      store->append("a", "er");
      const Entry fits{"big", std::string_view(bytes).substr(0, 10'000)};
      store->append_batch({&fits, 1}, {.sync = sync});
      require(store->size("big") == 100'000, "what fits is appended");
    })));
    CHECK(get(fixture.url(), {"a"}).front() == "older");
    CHECK(fixture.is_sound());
  }
}

TEST_CASE("a batch over compressed values that a file-size limit stops is taken back in whole") {
  Random random(1);
  const std::string large = random_bytes(random, 90'000);
  for (const bool sync : {false, true}) {
    CAPTURE(sync);
    const Fixture fixture(parse_codec(codec_names().back()));
    put(fixture.url(), {{"a", "old"}, {"big", large}});
    CHECK(succeeds(start_child([&] {
      set_limit(RLIMIT_FSIZE, 100'000);
      const std::unique_ptr<Store> store = open(fixture.url());
      const std::vector<Entry> entries = {
          {"a", "new"}, {"new", "new"}, {"big", std::string_view(large).substr(0, 20'000)}};
      require_throws<IoError>([&] { store->append_batch(entries, {.sync = sync}); }, "the limit is an error");
      require(store->get("a") == "old" && !store->size("new") && store->get("big") == large, "nothing was applied");
      const std::string zeros(1'000'000, '0');
      const Entry fits{"big", zeros};
      store->append_batch({&fits, 1}, {.sync = sync});
      require(store->size("big") == large.size() + zeros.size(), "what fits once it is compressed is appended");
    })));
    CHECK(get(fixture.url(), {"a"}).front() == "old");
    CHECK(fixture.is_sound());
  }
}

TEST_CASE("a buffer over compressed values that a file-size limit stops keeps what it cannot hand down") {
  Random random(1);
  const Fixture fixture(parse_codec(codec_names().back()));
  Model model;
  CHECK(succeeds(start_child([&] {
    set_limit(RLIMIT_FSIZE, 3 << 20);
    const std::unique_ptr<Store> store =
        open(fixture.url(), {.buffer = BufferOptions{.limit_bytes = std::uint64_t{1} << 20}});
    bool refused = false;
    for (int i = 0; i < 400 && !refused; ++i) {
      const OwnedBatch batch{.entries = {{"a", "x"}, {"big", random_bytes(random, 20'000)}}, .options = {}};
      try {
        store->append_batch(batch.view());
        model.append_batch(batch.view());
      } catch (const IoError&) {
        refused = true;
      }
    }
    require(refused, "the limit is an error");
    const std::string found = difference(*store, model);
    require(found.empty(), "what was acknowledged is there, but " + found);
    write_file(fixture.directory() + "/acknowledged", std::to_string(model.size("a").value()));
    ::_exit(0);  // with what is in the journal
  })));
  const std::unique_ptr<Store> store = open(fixture.url());
  const std::uint64_t acknowledged = std::stoull(read_file(fixture.directory() + "/acknowledged"));
  CHECK(store->size("a") == acknowledged);
  CHECK(store->size("big") == acknowledged * 20'000);
  CHECK(fixture.is_sound());
}

TEST_CASE("a dataset is created under a small file-size limit, or refused and nothing left") {
  for (const rlim_t limit : {rlim_t{0}, rlim_t{100}, rlim_t{4096}, rlim_t{100'000}}) {
    CAPTURE(limit);
    const TemporaryDirectory directory;
    CHECK(succeeds(start_child([&] {
      std::signal(SIGXFSZ, SIG_IGN);
      set_limit(RLIMIT_FSIZE, limit);
      try {
        create(directory / "dataset");
        put(directory / "dataset", {{"a", "1"}});
      } catch (const Error&) {
        return;
      }
    })));
    if (std::filesystem::exists(directory / "dataset")) {
      CHECK(verify(directory / "dataset").problems.empty());
    } else {
      CHECK(std::filesystem::is_empty(directory.path()));
    }
  }
}

TEST_CASE("a buffer that a file-size limit stops says so, and the process lives") {
  const std::string bytes(20'000, 'b');
  for (const Durability durability : {Durability::memory, Durability::os, Durability::sync}) {
    for (const rlim_t limit :
         {rlim_t{0}, rlim_t{100}, rlim_t{4096}, rlim_t{100'000}, rlim_t{1} << 20, rlim_t{3} << 20}) {
      CAPTURE(limit);
      CAPTURE(static_cast<int>(durability));
      const Fixture fixture;
      CHECK(succeeds(start_child([&] {
        set_limit(RLIMIT_FSIZE, limit);
        std::uint64_t appended = 0;
        try {
          const std::unique_ptr<Store> store =
              open(fixture.url(), {.buffer = BufferOptions{.limit_bytes = std::uint64_t{1} << 20},
                                   .durability = durability,
                                   .on_lost_appends = [](std::string_view) {}});
          for (;;) {
            try {
              store->append("k", bytes);
            } catch (const IoError&) {
              break;
            }
            appended += bytes.size();
            require(appended < 10 * (limit + (1 << 20)), "the limit is an error");
          }
          require(store->size("k").value_or(0) == appended, "what was acknowledged is there");
          require_throws<Error>([&] { store->append("k", std::string(100 << 20, 'x')); }, "a large append is refused");
          require(store->size("k").value_or(0) == appended, "and what was refused is not");
        } catch (const IoError&) {
          require(appended == 0, "an error ends the opening alone");
        }
      })));
    }
  }
}

TEST_CASE("a buffer whose journal may be no larger than it goes on from segment to segment") {
  for (const Durability durability : {Durability::os, Durability::sync}) {
    CAPTURE(static_cast<int>(durability));
    const Fixture fixture;
    CHECK(succeeds(start_child([&] {
      constexpr std::uint64_t limit = std::uint64_t{1} << 20;
      set_limit(RLIMIT_FSIZE, limit);
      const std::unique_ptr<Store> store =
          open(fixture.url(), {.buffer = BufferOptions{.limit_bytes = limit}, .durability = durability});
      const std::string piece(1000, 'p');
      constexpr int pieces = 3000;
      for (int i = 0; i < pieces; ++i) store->append("key" + std::to_string(i % 100), piece);
      require(store->stats().bytes == pieces * piece.size(), "all is appended");
    })));
    CHECK(open(fixture.url())->stats().bytes == 3'000'000);
    CHECK(fixture.is_sound());
  }
}

TEST_CASE("32 descriptors are enough for batches over hundreds of keys") {
  const Fixture fixture;
  CHECK(succeeds(start_child([&] {
    set_limit(RLIMIT_NOFILE, 32);
    Model model;
    OwnedBatch batch;
    for (int i = 0; i < 300; ++i) batch.entries.emplace_back("key" + std::to_string(i), std::to_string(i));
    batch.entries.emplace_back(std::string(1024, 'k'), "long");
    for (const std::size_t most : {std::size_t{0}, std::size_t{10'000}}) {
      const std::unique_ptr<Store> store = open(fixture.url(), {.max_open_files = most});
      for (const bool sync : {false, true}) {
        batch.options.sync = sync;
        store->append_batch(batch.view(), batch.options);
        model.append_batch(batch.view(), batch.options);
      }
      require(difference(*store, model).empty(), "all is there");
      store->erase("key7");
      model.erase("key7");
    }
    open(fixture.url())->drop();
  })));
  CHECK(fixture.is_sound());
}

std::size_t count_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST_CASE("several Stores of a process leave it half of its descriptors, and each is served") {
  const std::array<Fixture, 4> fixtures;
  CHECK(succeeds(start_child([&] {
    constexpr std::size_t limit = 256;
    set_limit(RLIMIT_NOFILE, limit);
    std::vector<std::unique_ptr<Store>> stores;
    for (const Fixture& fixture : fixtures) stores.push_back(open(fixture.url()));
    const std::size_t before = count_descriptors();
    for (int round = 0; round < 2; ++round) {
      for (const auto& store : stores) {
        for (int i = 0; i < 200; ++i) store->append("key" + std::to_string(i), "x");
      }
      require(count_descriptors() <= before + limit / 2 + stores.size(), "half of them are left");
    }
    for (const auto& store : stores) require(store->stats().bytes == 400, "all is there");
    stores.resize(1);
    for (int i = 0; i < 200; ++i) stores[0]->append("key" + std::to_string(i), "x");
    require(count_descriptors() >= limit / 2, "what the others had is used");
  })));
}

TEST_CASE("a client for which descriptors or threads are lacking gets an error") {
  const TemporaryDirectory directory;
  const std::string endpoint = "ipc://" + directory / "nobody";
  for (rlim_t more = 0; more < 24; ++more) {
    CHECK(succeeds(start_child([&] {
      set_limit(RLIMIT_NOFILE, count_descriptors() + more);
      require_throws<Error>([&] { (void)open(endpoint, {.client = {.timeout = std::chrono::milliseconds{20}}}); },
                            "nobody answers, or descriptors are lacking");
    })));
  }
  if (::geteuid() != 0) return;
  for (rlim_t threads = 1; threads < 6; ++threads) {
    CHECK(succeeds(start_child([&] {
      constexpr uid_t nobody_else = 54'321;
      set_limit(RLIMIT_NPROC, threads);
      require(::setuid(nobody_else) == 0, "root may step down");
      try {
        (void)open(endpoint, {.client = {.timeout = std::chrono::milliseconds{20}}});
        require(false, "nobody answers");
      } catch (const Error& error) {
        const bool is_lacking = std::string_view(error.what()).find("threads") != std::string_view::npos;
        require(is_lacking == (threads < 4), "who has three threads more may connect");
      }
    })));
  }
}

TEST_CASE("a get of more than fits into memory is TooLargeError, and get_range reads it") {
  const Fixture fixture;
  put(fixture.url(), {{"huge", ""}, {"small", "1"}});
  constexpr std::uint64_t huge = std::uint64_t{1} << 40;
  std::filesystem::resize_file(fixture.url() + "/huge", huge);  // a hole
  const std::unique_ptr<Store> store = open(fixture.url());
  CHECK_THROWS_AS(static_cast<void>(store->get("huge")), TooLargeError);
  const std::vector<std::string_view> keys = {"small", "huge"};
  CHECK_THROWS_AS(static_cast<void>(store->get_batch(keys)), TooLargeError);
  CHECK(store->size("huge") == huge);
  CHECK(store->get_range("huge", huge - 2, 10) == std::string(2, '\0'));
  CHECK(store->get("small") == "1");
  store->append("huge", "end");
  CHECK(store->get_range("huge", huge - 1, 10) == std::string("\0end", 4));
}

TEST_CASE("an address-space limit makes a large get TooLargeError and no crash") {
  const Fixture fixture;
  put(fixture.url(), {{"large", std::string(300 << 20, 'x')}});
  CHECK(succeeds(start_child([&] {
    set_limit(RLIMIT_AS, rlim_t{200} << 20);
    const std::unique_ptr<Store> store = open(fixture.url());
    require_throws<TooLargeError>([&] { static_cast<void>(store->get("large")); }, "it does not fit");
    require(store->get_range("large", 5, 3) == "xxx", "a piece fits");
    store->append("large", "y");
  })));
}

TEST_CASE("an address-space limit makes a large get of numbers TooLargeError, and pieces read them") {
  const Fixture fixture;
  constexpr int appends = 40;
  {
    const std::vector<double> some(1 << 19, 0.5);  // 4 MiB
    Columns columns{open(fixture.url())};
    for (int i = 0; i < appends; ++i) columns.append("k", {column("a", some), column("b", some)});
  }
  CHECK(succeeds(start_child([&] {
    const std::unique_ptr<Store> store = open(fixture.url());
    const Columns columns{*store};
    const Numeric<double> numeric{*store};
    const std::string key = Columns::column_key("k", "a");
    set_limit(RLIMIT_AS, rlim_t{150} << 20);
    const auto is_too_large = [](const auto& read, const std::string& name) {
      require_throws<TooLargeError>([&] { static_cast<void>(read()); }, name + " does not fit");
    };
    is_too_large([&] { return numeric.get(key); }, "get");
    is_too_large([&] { return numeric.pieces(key).rest(); }, "rest");
    is_too_large([&] { return numeric.get_batch(std::array<std::string_view, 1>{key}); }, "get_batch");
    is_too_large([&] { return columns.get<double>("k", "a"); }, "get of a column");
    is_too_large([&] { return columns.get<double, double>("k", {"a", "b"}); }, "get of columns");
    NumericPieces<double> pieces = numeric.pieces(key);
    std::uint64_t count = 0;
    for (std::span<const double> some; !(some = pieces.next()).empty();) count += some.size();
    require(count == numeric.size(key) && count == columns.rows("k"), "pieces fit");
  })));
}

TEST_CASE("a value that decodes to thousands of times its size is TooLargeError, and takes no memory") {
  constexpr std::size_t frames = 5000;  // of 1 MiB: more than the limit of those who set none
  for (const std::string& name : codec_names()) {
    std::string frame;
    FrameEncoder(parse_codec(name)).append_frames(std::string(max_frame_bytes, '\0'), frame);
    if (frame.size() > max_frame_bytes / 100) continue;  // no bomb can be made of it
    CAPTURE(name);
    const Fixture fixture(parse_codec(name));
    put(fixture.url(), {{"small", "1"}});
    std::string bomb;
    for (std::size_t i = 0; i < frames; ++i) bomb += frame;
    write_file(fixture.url() + "/bomb", bomb);
    constexpr rlim_t memory = rlim_t{256} << 20;
    for (const std::uint64_t limit : {std::uint64_t{1} << 20, CompressedOptions{}.limit_bytes, ~std::uint64_t{0}}) {
      CAPTURE(limit);
      CHECK(succeeds(start_child([&] {
        set_limit(RLIMIT_AS, memory);
        const std::unique_ptr<Store> store = open(fixture.url(), {.compressed = {.limit_bytes = limit}});
        const std::vector<std::string_view> keys = {"small", "bomb"};
        require_throws<TooLargeError>([&] { static_cast<void>(store->get("bomb")); }, "get refuses it");
        require_throws<TooLargeError>([&] { static_cast<void>(store->get_batch(keys)); }, "so does get_batch");
        require_throws<TooLargeError>([&] { static_cast<void>(store->get_range("bomb", 1, ~std::uint64_t{0})); },
                                      "and get_range of all of it");
        require(store->size("bomb") == frames * max_frame_bytes, "its size is known");
        require(store->get_range("bomb", frames / 2 * max_frame_bytes - 1, 2) == std::string(2, '\0'), "a piece fits");
        require(store->get("small") == "1", "other values are read");
        rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        require(static_cast<std::size_t>(used.ru_maxrss) * 1024 < 4 * bomb.size() + (64 << 20), "it takes no memory");
      })));
    }
  }
}

/// Runs `work` in a child of a user who owns nothing here, if this process may become one.
void as_stranger(const std::function<void()>& work) {
  CHECK(succeeds(start_child([&] {
    constexpr uid_t nobody = 65534;
    if (::geteuid() == 0) {
      require(::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0, "root may step down");
    }
    work();
  })));
}

TEST_CASE("a buffer for which no thread is left says so before it appends anything") {
  const Fixture fixture;
  ::chmod(fixture.directory().c_str(), 0777);
  ::chmod(fixture.url().c_str(), 0777);
  for (const auto& entry : std::filesystem::directory_iterator(fixture.url())) ::chmod(entry.path().c_str(), 0666);
  as_stranger([&] {
    set_limit(RLIMIT_NPROC, 1);
    const std::string bytes(1000, 'b');
    for (const Durability durability : {Durability::memory, Durability::os}) {
      const std::unique_ptr<Store> store = open(
          fixture.url(), {.buffer = BufferOptions{.limit_bytes = std::uint64_t{1} << 20}, .durability = durability});
      for (int i = 0; i < 3000; ++i) require_throws<IoError>([&] { store->append("k", bytes); }, "append is refused");
      require(!store->size("k"), "nothing is appended");
    }
  });
  CHECK(get(fixture.url(), {"k"}).front().empty());
}

class Writable {
 public:
  Writable(std::string path, bool writable) : path_(std::move(path)) { set(writable); }
  ~Writable() { set(true); }
  Writable(const Writable&) = delete;
  Writable& operator=(const Writable&) = delete;

 private:
  void set(bool writable) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file()) ::chmod(entry.path().c_str(), writable ? 0644 : 0444);
    }
    ::chmod(path_.c_str(), writable ? 0755 : 0555);
  }
  std::string path_;
};

TEST_CASE("a dataset that may only be read is read, and every change is ReadOnlyError") {
  const Fixture fixture;
  ::chmod(fixture.directory().c_str(), 0755);
  const Entry with_id{"a", "1"};
  put(fixture.url(), {&with_id, 1}, {.id = BatchId{writer_id(1), 7}});
  const Writable read_only(fixture.url(), false);
  as_stranger([&] {
    const std::unique_ptr<Store> store = open(fixture.url());
    require(store->get("a") == "1" && store->size("a") == 1 && store->list().size() == 1, "it is read");
    require(store->stats().bytes == 1 && store->last_sequence(writer_id(1)) == 7, "its totals and writers are read");
    require_throws<ReadOnlyError>([&] { store->append("a", "x"); }, "append is refused");
    const Entry entry{"b", "x"};
    require_throws<ReadOnlyError>([&] { store->append_batch({&entry, 1}, {.sync = true}); }, "so is a synced one");
    require_throws<ReadOnlyError>([&] { store->erase("a"); }, "so is erase");
    require_throws<ReadOnlyError>([&] { store->drop(); }, "so is drop");
    require(verify(fixture.url()).problems.empty(), "it can be verified");
    require_throws<Error>([&] { destroy(fixture.url()); }, "it cannot be destroyed");
    require_throws<IoError>([&] { create(fixture.url() + "-new"); }, "nothing is created beside it");
  });
  CHECK(get(fixture.url(), {"a"}).front() == "1");
}

TEST_CASE("a dataset that may not even be read is an IoError, never an empty one") {
  const Fixture fixture;
  put(fixture.url(), {{"a", "1"}});
  ::chmod(fixture.directory().c_str(), 0755);
  ::chmod((fixture.url() + "/a").c_str(), 0);
  as_stranger([&] {
    const std::unique_ptr<Store> store = open(fixture.url());
    require_throws<IoError>([&] { static_cast<void>(store->get("a")); }, "a value that may not be read is an error");
  });
  ::chmod(fixture.url().c_str(), 0);
  as_stranger([&] { require_throws<Error>([&] { static_cast<void>(open(fixture.url())); }, "open is refused"); });
  ::chmod(fixture.url().c_str(), 0755);
}

}  // namespace
}  // namespace accrete::test
