// Loads of rows that become larger than they were: what is gathered stays bounded.
#include "cli/load/loader.hpp"

#include <accrete/accrete.hpp>
#include <algorithm>
#include <deque>
#include <doctest/doctest.h>
#include <fstream>
#include <memory>
#include <new>
#include <thread>

#include "base/escape.hpp"
#include "support/hooked_store.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

using namespace accrete::cli;

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}

  std::size_t read(std::span<char> to) override {
    const std::size_t size = std::min(to.size(), text_.size() - at_);
    std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(at_), size, to.begin());
    at_ += size;
    return size;
  }
  Waited wait(std::optional<Clock::time_point>, int) override { return Waited::input; }
  [[nodiscard]] bool is_inside(const std::string&) const override { return false; }
  [[nodiscard]] bool is_at(const std::string&) const override { return false; }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return text_.size() - at_; }
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }

 private:
  std::string text_;
  std::size_t at_ = 0;
  std::string name_ = "text";
};

/// A pipe into which the next piece comes once nobody waits for a certain time any more.
class SlowSource final : public ByteSource {
 public:
  explicit SlowSource(std::vector<std::string> pieces) : pieces_(pieces.begin(), pieces.end()) {}

  std::size_t read(std::span<char> to) override {
    if (pieces_.empty()) return 0;
    const std::string piece = pieces_.front();
    pieces_.pop_front();
    REQUIRE(piece.size() <= to.size());
    std::copy(piece.begin(), piece.end(), to.begin());
    return piece.size();
  }
  Waited wait(std::optional<Clock::time_point> until, int) override {
    if (!until) return Waited::input;
    if (*until <= Clock::now() && ++late_waits_ > max_late_waits) return Waited::input;
    std::this_thread::sleep_until(*until);
    return Waited::time;
  }
  [[nodiscard]] bool is_inside(const std::string&) const override { return false; }
  [[nodiscard]] bool is_at(const std::string&) const override { return false; }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return std::nullopt; }
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }

  /// Whether it was asked time and again to wait until a time that had passed.
  [[nodiscard]] bool is_spun_on() const noexcept { return late_waits_ > max_late_waits; }

 private:
  static constexpr int max_late_waits = 100;

  std::deque<std::string> pieces_;
  int late_waits_ = 0;
  std::string name_ = "pipe";
};

class SilentObserver final : public LoadObserver {
 public:
  void begin(const std::string&, std::optional<std::uint64_t>) override {}
  void advanced(std::uint64_t, std::uint64_t) override {}
  void malformed_row(const std::string& message) override { FAIL(message); }
  void unended_row(const ByteSource& input, std::uint64_t) override { FAIL(input.name()); }
  bool stop_is_asked() override { return false; }
};

/// Rows of a few bytes, each of which becomes a map of 100 kB.
std::string rows_of_long_names(int rows) {
  std::string text = "k," + std::string(100'000, 'n') + "\n";
  for (int i = 0; i < rows; ++i) text += "a," + std::to_string(i) + "\n";
  return text;
}

LoadTotals load(Store& store, const std::string& text, const LoadOptions& options) {
  const std::unique_ptr<RowParser> parser = delimited_rows({.by = {"k"}, .form = RowForm::packed_map});
  SilentObserver observer;
  Loader loader(store, *parser, options, observer);
  TextSource source(text);
  loader.load(source);
  return loader.totals();
}

TEST_CASE("maps that repeat long names are appended in batches of bounded size, and once under an id") {
  constexpr int rows = 1500;
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  std::uint64_t size = 0;
  std::uint64_t largest = 0;
  store.after = [&](HookedStore::Call call, std::string_view) {
    if (call != HookedStore::Call::append) return;
    const std::uint64_t before = std::exchange(size, memory->size("a").value_or(0));
    largest = std::max(largest, size - before);
  };
  const LoadOptions options{.id = "once"};
  const std::string text = rows_of_long_names(rows);
  CHECK(load(store, text, options).rows == rows);
  CHECK(size > rows * 100'000U);
  CHECK(largest < max_appended_bytes + 200'000);
  CHECK(load(store, text, options).rows == 0);
  CHECK(load(store, rows_of_long_names(rows + 3), options).rows == 3);
}

TEST_CASE("a load does not spin while it waits for a header, a first row, the end of a long one or what was loaded") {
  class SkippingObserver final : public LoadObserver {
    void begin(const std::string&, std::optional<std::uint64_t>) override {}
    void advanced(std::uint64_t, std::uint64_t) override {}
    void malformed_row(const std::string&) override {}
    void unended_row(const ByteSource&, std::uint64_t) override {}
    bool stop_is_asked() override { return false; }
  };
  const std::unique_ptr<Store> store = memory_store();
  const LoadOptions options{.skip_malformed = true, .max_row_bytes = 8, .id = "once"};
  SkippingObserver observer;
  const auto check_load = [&](std::vector<std::string> pieces) {
    const std::unique_ptr<RowParser> parser = delimited_rows({.by = {"k"}});
    Loader loader(*store, *parser, options, observer);
    SlowSource source(std::move(pieces));
    loader.load(source);
    CHECK_FALSE(source.is_spun_on());
  };
  check_load({"k,", "i\na,", "1\nb,234567890", "1\nc,1\n"});
  check_load({"k,i\na,1\nb,2345", "678901\nc,1\nd,1\n"});
  CHECK(store->get("a") == "a,1\n");
  CHECK(store->get("c") == "c,1\n");
  CHECK(store->get("d") == "d,1\n");
}

TEST_CASE("rows are appended in batches that the store takes, and one that is too large for it is an error") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  store.batch_limit = 4096;
  std::string text = "k,v\n";
  for (int i = 0; i < 1000; ++i)
    text += std::to_string(i % 7) + "," + std::string(static_cast<std::size_t>(i % 100), 'x') + "\n";
  const std::unique_ptr<RowParser> parser = delimited_rows({.by = {"k"}});
  SilentObserver observer;
  for (const unsigned threads : {1U, 3U}) {
    Loader loader(store, *parser, {.threads = threads}, observer);
    TextSource source(text);
    loader.load(source);
    CHECK(loader.totals().rows == 1000);
    TextSource too_large(text + "8," + std::string(5000, 'y') + "\n9,z\n");
    CHECK_THROWS_WITH_AS(loader.load(too_large), doctest::Contains("too large"), Error);
  }
  CHECK(store.get("3").size() % 4 == 0);  // loaded four times
  CHECK_FALSE(store.size("9").has_value());
}

TEST_CASE("small files are appended many at a time, and where an append fails it says which are loaded") {
  const std::unique_ptr<Store> memory = memory_store();
  HookedStore store(*memory);
  const TemporaryDirectory directory;
  std::vector<std::string> paths;
  for (int i = 0; i < 100; ++i) {
    paths.push_back(directory / std::to_string(i));
    std::ofstream(paths.back()) << "a," << i << '\n';
  }
  const std::unique_ptr<RowParser> parser = delimited_rows({.header = false, .by = {"1"}});
  SilentObserver observer;
  SUBCASE("all is well") {
    Loader loader(store, *parser, {.threads = 2}, observer);
    loader.load(paths, open_source);
    CHECK(loader.totals().inputs == 100);
    CHECK(loader.totals().rows == 100);
    CHECK(loader.totals().bytes == memory->size("a"));
    CHECK(store.count(HookedStore::Call::append) == 2);  // the first by itself
  }
  SUBCASE("an append fails") {
    store.before = [&](HookedStore::Call call, std::string_view) {
      if (call == HookedStore::Call::append && store.count(call) == 2) throw LockedError("busy");
    };
    Loader loader(store, *parser, {.threads = 2}, observer);
    const std::string said = "busy; nothing of " + quoted(paths[1]) +
                             " and of the inputs after it was appended, and the inputs before it are loaded whole";
    CHECK_THROWS_WITH_AS(loader.load(paths, open_source), doctest::Contains(said.c_str()), LockedError);
    CHECK(loader.totals().inputs == 1);
    CHECK(memory->get("a") == "a,0\n");
  }
}

/// Rows of numbers, each a key, whose reading runs out of memory at one of them, once.
class FailingRows final : public RowParser {
 public:
  explicit FailingRows(std::shared_ptr<int> left)
      : rows_(delimited_rows({.header = false, .by = {"1"}})), left_(std::move(left)) {}

  [[nodiscard]] std::unique_ptr<RowParser> clone() const override { return std::make_unique<FailingRows>(left_); }
  void set_ending(char ending) override { rows_->set_ending(ending); }
  void feed(std::string_view text, bool complete) override { rows_->feed(text, complete); }
  RowKind next(Row& row) override {
    if ((*left_)-- == 0) throw std::bad_alloc();
    return rows_->next(row);
  }
  [[nodiscard]] bool keeps_endings() const override { return true; }
  [[nodiscard]] std::string description() const override { return "rows"; }

 private:
  std::unique_ptr<RowParser> rows_;
  std::shared_ptr<int> left_;
};

TEST_CASE("rows that were read when memory ran out are appended once, by the load that goes on") {
  const std::unique_ptr<Store> store = memory_store();
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + "\n";
  SilentObserver observer;
  const LoadOptions options{.id = "once"};
  for (const int left : {500, 900, -1}) {
    FailingRows parser(std::make_shared<int>(left));
    Loader loader(*store, parser, options, observer);
    TextSource source(text);
    if (left < 0) {
      loader.load(source);
    } else {
      CHECK_THROWS_WITH_AS(loader.load(source), doctest::Contains("not enough memory"), Error);
    }
  }
  for (int i = 0; i < 1000; ++i) REQUIRE(store->get(std::to_string(i)) == std::to_string(i) + "\n");
}

TEST_CASE("a load that fails throws the type that the store threw, with what it knows") {
  const std::unique_ptr<Store> memory = memory_store();
  const auto load_failing_with = [&](const auto& error) {
    HookedStore store(*memory);
    store.before = [&](HookedStore::Call call, std::string_view) {
      if (call == HookedStore::Call::append) throw error;
    };
    (void)load(store, rows_of_long_names(1), {});
  };
  CHECK_THROWS_AS(load_failing_with(LockedError("busy")), LockedError);
  CHECK_THROWS_AS(load_failing_with(TimeoutError("busy")), TimeoutError);
  const BatchId id{.writer = {std::byte{7}}, .sequence = 1};
  try {
    load_failing_with(UnknownOutcomeError("unknown", id));
    FAIL("nothing was thrown");
  } catch (const UnknownOutcomeError& error) {
    REQUIRE(error.batch());
    CHECK(error.batch()->writer == id.writer);
  }
}

}  // namespace
}  // namespace accrete::test
