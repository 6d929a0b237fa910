// One damaged byte in a dataset's own files: all that was acknowledged is there once, or it is an error that verify
// names.
#include <accrete/error.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>

#include "api/datasets.hpp"
#include "dataset/names.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "layout/files/control.hpp"
#include "layout/files/journal.hpp"
#include "layout/files/writers.hpp"
#include "support/fault_dataset.hpp"
#include "support/file_bytes.hpp"
#include "support/model.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

const std::string synced_value = "0;1;2;";

/// A dataset as its last process has left it.
class Left {
 public:
  [[nodiscard]] FaultEnv& env() { return dataset_.env(); }
  [[nodiscard]] std::string path() const { return dataset_.url(); }
  [[nodiscard]] std::string file(const std::string& name) const { return dataset_.file(name); }
  [[nodiscard]] std::unique_ptr<Store> open() { return dataset_.open(); }

  /// Of three writers, of which each has a slot and a record.
  void append_synced() {
    const auto store = open();
    for (std::uint64_t i = 0; i < 3; ++i) append(*store, i);
  }

  static void append(Store& store, std::uint64_t i) {
    const std::string piece = std::to_string(i) + ";";
    const Entry entry{"a", piece};
    store.append_batch({&entry, 1}, {.sync = true, .id = BatchId{writer_id(i), 1}});
  }

  /// Flips bits of each byte of a file up to `size` in turn. Returns how often that was an error.
  int walk(const std::string& name, std::uint64_t size, const std::string& value) {
    int refused = 0;
    const std::string whole = read_file(file(name));
    REQUIRE(whole.size() >= size);
    for (std::size_t at = 0; at < size; ++at) {
      for (const int bits : {0x01, 0x10}) {
        CAPTURE(name);
        CAPTURE(at);
        CAPTURE(bits);
        const std::string copy = dataset_.beside("copy");
        fs::copy(path(), copy, fs::copy_options::recursive);
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ bits);
        write_file(copy + "/" + name, damaged);
        const bool is_refused = !check(copy, value);
        refused += is_refused ? 1 : 0;
        // Without the secret in that header, no session can be told from what others have given.
        const bool can_repair = name != writers_name || at >= Writers::header_size;
        if (is_refused && can_repair) repair(copy, value);
        fs::remove_all(copy);
      }
    }
    return refused;
  }

 private:
  /// False if it is refused, and verify knows why.
  bool check(const std::string& copy, const std::string& value) {
    const bool has_problem = !verify_dataset(env(), copy, {}).problems.empty();
    try {
      const auto store = open_dataset(env(), copy, {});
      REQUIRE(store->get("a") == value);
      if (value != synced_value) return true;
      for (std::uint64_t i = 0; i < 3; ++i) append(*store, i);  // again
      REQUIRE(store->get("a") == value);
      return true;
    } catch (const CorruptionError&) {
      REQUIRE(has_problem);
      return false;
    }
  }

  void repair(const std::string& copy, const std::string& value) {
    REQUIRE_FALSE(verify_dataset(env(), copy, {.repair = true}).repairs.empty());
    REQUIRE(verify_dataset(env(), copy, {}).problems.empty());
    const auto store = open_dataset(env(), copy, {});
    const std::string found = store->get("a");
    REQUIRE((value.starts_with(found) || found.starts_with(value)));
    if (found != synced_value) return;
    // No more than the one writer that was damaged is forgotten.
    for (std::uint64_t i = 0; i < 3; ++i) append(*store, i);
    REQUIRE(store->get("a").size() <= value.size() + 2);
  }

  FaultDataset dataset_;
};

constexpr std::uint64_t used_control_size = 304;

TEST_CASE("a damaged byte in a dataset of synced batches with ids loses none and doubles none") {
  Left left;
  left.append_synced();
  const std::uint64_t journal_end = Control(*left.env().try_open_directory(left.path()), true).load().words.journal_end;
  SUBCASE("on the same boot") {}
  SUBCASE("on the next one, after a checkpoint") {
    left.open()->sync();
    left.open()->append("b", "unsynced");
    left.open()->sync();
    left.env().reboot();
  }
  SUBCASE("on the next one, before which everything was written") { left.env().reboot(); }
  SUBCASE("after a power loss that has taken all but the journal") {
    write_file(left.file("a"), "");
    write_file(left.file(".writers"), read_file(left.file(".writers")).substr(0, Writers::header_size));
    left.env().reboot();
  }
  CHECK(left.walk(".control", used_control_size, synced_value) > 0);
  left.walk(".journal", journal_end, synced_value);
  left.walk(".writers", fs::file_size(left.file(".writers")), synced_value);
}

TEST_CASE("a damaged byte in the control file leaves no part of a batch whose writer died") {
  Left left;
  left.append_synced();
  for (std::uint64_t n = 1; verify_dataset(left.env(), left.path(), {}).problems.empty(); ++n) {
    const auto store = left.open();
    left.env().fail_at(n, {.how = Fault::How::for_good});
    CHECK_THROWS_AS(store->append("a", "part"), Error);
    left.env().heal();
  }
  write_file(left.file("a"), synced_value + "pa");
  CHECK(left.walk(".control", Control::header_size + 64, synced_value) > 0);
}

TEST_CASE("a damaged byte in the control file loses nothing that stands in the journal of a buffer only") {
  Left left;
  left.append_synced();
  {
    auto store = open_buffered_dataset(left.env(), left.path(), {.buffer = BufferOptions{}});
    store->append("a", "journal;");
    left.env().fail_at(1, {.how = Fault::How::for_good});
  }
  left.env().heal();
  CHECK(left.walk(".control", used_control_size, synced_value + "journal;") > 0);
}

TEST_CASE("a damaged byte in the control file hides no sync that has failed, and no destroy") {
  Left left;
  left.append_synced();
  const auto directory = left.env().try_open_directory(left.path());
  Control control(*directory, false);
  const auto uses_nothing = [&](const std::string& path) {
    try {
      open_dataset(left.env(), path, {})->sync();
    } catch (const Error&) {
      return true;
    }
    return false;
  };
  SUBCASE("a sync") { control.note_failed_sync(); }
  SUBCASE("a destroy") {
    ControlWords words = control.load().words;
    words.destroyed = true;
    control.set_words(words);
  }
  const std::string whole = read_file(left.file(".control"));
  for (std::size_t at = 0; at < used_control_size; ++at) {
    CAPTURE(at);
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    write_file(left.file(".control"), damaged);
    CHECK(uses_nothing(left.path()));
  }
}

}  // namespace
}  // namespace accrete::test
