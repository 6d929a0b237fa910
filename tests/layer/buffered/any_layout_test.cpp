// The journal of a buffer is the buffer's: it is handed down to whichever layout the dataset has.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>

#include "api/layouts.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "support/records_layout.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

const bool has_records_layout = (add_layout(records_layout()), true);

/// A dataset whose buffer was killed.
std::string kill_buffer(const TemporaryDirectory& directory, Durability durability, const std::optional<Codec>& codec) {
  const std::string living = directory / "living";
  create(living, {.codec = codec, .layout = "records"});
  const std::unique_ptr<Store> store = open(living, {.buffer = BufferOptions{}, .durability = durability});
  store->append("a", "flushed;");
  store->append("gone", "flushed;");
  store->flush();
  store->erase("gone");
  store->append("a", "journal;");
  store->append("b", "journal;");
  const std::string killed = directory / "killed";
  fs::copy(living, killed, fs::copy_options::recursive);
  return killed;
}

TEST_CASE("what a buffer over another layout has left is handed down once, by whoever opens the dataset next") {
  REQUIRE(has_records_layout);
  for (const Durability durability : {Durability::os, Durability::sync}) {
    for (const std::optional<Codec>& codec : {std::optional<Codec>(), std::optional(parse_codec("stored"))}) {
      const TemporaryDirectory directory;
      const std::string killed = kill_buffer(directory, durability, codec);
      CHECK_FALSE(verify(killed).problems.empty());
      for (const OpenOptions& options : {OpenOptions{}, OpenOptions{.buffer = BufferOptions{}}, OpenOptions{}}) {
        const std::unique_ptr<Store> store = open(killed, options);
        CHECK(store->get("a") == "flushed;journal;");
        CHECK(store->get("b") == "journal;");
        CHECK_FALSE(store->size("gone"));
      }
      CHECK(verify(killed).problems.empty());
      CHECK_FALSE(fs::exists(killed + "/.buffer-0"));
    }
  }
}

TEST_CASE("a dataset of a layout that is not in the table is refused, and no other is made") {
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH_AS(create(directory / "dataset", {.layout = "unheard-of"}),
                       doctest::Contains("there is no layout 'unheard-of'; there is 'files'"), InvalidArgumentError);
  CHECK_FALSE(fs::exists(directory / "dataset"));
  create(directory / "dataset", {.layout = "records"});
  CHECK(info(directory / "dataset").layout == "records");
  CHECK_THROWS_WITH_AS(
      (void)open(directory / "dataset", {.buffer = BufferOptions{}, .durability = Durability::replicated}),
      doctest::Contains("on one machine"), UnsupportedError);
}

}  // namespace
}  // namespace accrete::test
