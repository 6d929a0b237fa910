// Tests of layout/files/direct_reader.cpp: what is read without the owner's lock is what the owner has located, or
// nothing.
#include "layout/files/direct_reader.hpp"

#include <accrete/accrete.hpp>
#include <atomic>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "api/datasets.hpp"
#include "layout/files/control.hpp"
#include "layout/files/intent.hpp"
#include "os/uuid.hpp"
#include "support/campaign.hpp"
#include "support/child.hpp"
#include "support/direct_reader.hpp"
#include "support/fault_env.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

/// A dataset with the key "k", and its owner.
class Place {
 public:
  explicit Place(Env& env = posix_env(), const std::string& value = "what is in the file") {
    create_dataset(env, path(), {});
    owner_ = open_owned_dataset(env, path(), {});
    owner_->append("k", value);
    reader_ = try_open_directly(env, path());
    REQUIRE(reader_ != nullptr);
  }

  [[nodiscard]] OwnedDataset& owner() { return *owner_; }
  [[nodiscard]] const DirectReader& reader() const { return *reader_; }
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

  /// The first `in_file` bytes, or all, and then `rest`.
  [[nodiscard]] LocatedValues locate(const std::string& rest = "", std::optional<std::uint64_t> in_file = {}) const {
    return {.dataset = parse_uuid(owner_->marker().uuid).value(),
            .removals = owner_->removals(),
            .values = {{.in_file = in_file.value_or(owner_->size("k").value_or(0)), .rest = rest}}};
  }

  [[nodiscard]] std::optional<std::string> read(const LocatedValues& located) const {
    const std::string_view key = "k";
    std::optional<std::vector<std::string>> values = reader_->try_read({&key, 1}, located);
    if (!values) return std::nullopt;
    return values->at(0);
  }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<OwnedDataset> owner_;
  std::unique_ptr<DirectReader> reader_;
};

TEST_CASE("a value is what is in its file, as far as it was located, and the rest") {
  Place place;
  CHECK(place.read(place.locate()) == "what is in the file");
  CHECK(place.read(place.locate(" and more")) == "what is in the file and more");
  const LocatedValues before = place.locate("!");
  place.owner().append("k", ", and what was appended since");
  CHECK(place.read(before) == "what is in the file!");
  CHECK(place.read(place.locate("rest", 0)) == "rest");
}

TEST_CASE("a value that was removed since it was located is not read, be it begun anew or not") {
  Place place;
  const LocatedValues before = place.locate();
  place.owner().erase("k");
  CHECK_FALSE(place.read(before));
  place.owner().append("k", "what is in the other file");
  CHECK_FALSE(place.read(before));
  const LocatedValues after = place.locate();
  CHECK(place.read(after) == "what is in the other file");
  place.owner().drop();
  CHECK_FALSE(place.read(after));
}

TEST_CASE("what is located beyond the end of the file, or in another dataset, is not read") {
  Place place;
  CHECK_FALSE(place.read(place.locate("", 1000)));
  CHECK_FALSE(place.reader().try_read({}, place.locate()));
  CHECK(place.reader().is_of_use());
  LocatedValues other = place.locate();
  other.dataset[0] ^= std::byte{1};
  CHECK_FALSE(place.read(other));
  CHECK_FALSE(place.reader().is_of_use());
}

TEST_CASE("values are read while an append is in progress, but not while a removal is") {
  Place place;
  const LocatedValues located = place.locate();
  const std::unique_ptr<Directory> directory = posix_env().try_open_directory(place.path());
  Control control(*directory, false);
  const ControlWords words = control.load().words;
  std::string record;
  encode_intent({.kind = Intent::Kind::append, .targets = {{.key = "k", .old_size = 3}}}, record);
  control.begin_intent(words, record);
  CHECK(place.read(located).has_value());
  control.cancel();
  std::vector<IntentTarget> many(10'000, {.key = "k", .old_size = 3});
  encode_intent({.kind = Intent::Kind::append, .targets = std::move(many)}, record);
  REQUIRE(record.size() > Control::inline_capacity);
  control.begin_intent(words, record);
  CHECK(place.read(located).has_value());
  control.cancel();
  control.begin_journal(words);
  CHECK(place.read(located).has_value());
  control.cancel();
  for (const auto kind : {Intent::Kind::erase, Intent::Kind::drop}) {
    encode_intent({.kind = kind, .targets = {{.key = "k", .old_size = 3}}}, record);
    control.begin_intent(words, record);
    CHECK_FALSE(place.read(located).has_value());
    control.cancel();
  }
  CHECK(place.read(located).has_value());
}

TEST_CASE("there is no reader where there is no dataset, or one that this process may not read") {
  const TemporaryDirectory directory;
  CHECK(try_open_directly(posix_env(), directory / "nothing") == nullptr);
  CHECK(try_open_directly(posix_env(), directory.path()) == nullptr);
}

TEST_CASE("a reader is of no use once it may not read the values") {
  if (::geteuid() != 0) return;
  const Place place;
  std::filesystem::permissions(place.path(), std::filesystem::perms{0755});
  std::filesystem::permissions(place.path() + "/k", std::filesystem::perms::none);
  const LocatedValues located = place.locate();
  CHECK(succeeds(start_child([&] {
    constexpr ::uid_t nobody = 65534;
    require(::setuid(nobody) == 0, "root may step down");
    require(place.reader().is_of_use(), "it may be of use");
    require(!place.read(located), "the value cannot be read");
    require(!place.reader().is_of_use(), "that was learned");
  })));
}

/// A value of one letter, begun anew over and over.
class ChangingValue {
 public:
  explicit ChangingValue(Place& place) : place_(place), thread_([this] { run(); }) {}
  ~ChangingValue() {
    stop_ = true;
    thread_.join();
  }
  ChangingValue(const ChangingValue&) = delete;
  ChangingValue& operator=(const ChangingValue&) = delete;

  /// With the letter of its value.
  [[nodiscard]] std::pair<LocatedValues, char> locate() {
    const std::lock_guard lock(mutex_);
    return {place_.locate(), letter_};
  }

 private:
  void run() {
    for (char letter = 'a'; !stop_; letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1)) {
      {
        const std::lock_guard lock(mutex_);
        place_.owner().erase("k");
        letter_ = letter;
        place_.owner().append("k", std::string(1000, letter));
      }
      for (int i = 0; i < letter % 3; ++i) {
        const std::lock_guard lock(mutex_);
        place_.owner().append("k", std::string(500, letter));
      }
    }
  }

  Place& place_;
  std::mutex mutex_;  // guards the owner and letter_
  char letter_ = '\0';
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

void check_reads_among_removals(Env& env) {
  Place place(env, "");
  ChangingValue value(place);
  int found = 0;
  for (int i = 0; i < campaign_steps(20'000) || found == 0; ++i) {
    const auto [located, letter] = value.locate();
    if (located.values[0].in_file == 0) continue;
    const std::optional<std::string> read = place.read(located);
    if (!read) continue;
    ++found;
    REQUIRE(*read == std::string(located.values[0].in_file, letter));
  }
}

TEST_CASE("no value is taken for one that was begun anew under its name") {
  SUBCASE("where the control file is mapped") { check_reads_among_removals(posix_env()); }
  SUBCASE("where it is read") {
    FaultEnv env(posix_env());
    check_reads_among_removals(env);
  }
}

}  // namespace
}  // namespace accrete::test
