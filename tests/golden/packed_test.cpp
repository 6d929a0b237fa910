// Pins what Packed<T> appends: items of each kind are, byte for byte, what is kept in `packed` beside this file. With
// WRITE_GOLDEN set it is made anew.
#include <accrete/accrete.hpp>
#include <accrete/packed.hpp>
#include <chrono>
#include <cstdlib>
#include <doctest/doctest.h>
#include <map>

#include "support/file_bytes.hpp"

namespace accrete::test {
namespace {

struct Event {
  std::uint64_t id = 0;
  std::string user;
  double seconds = 0;
  std::chrono::system_clock::time_point at;
  std::vector<std::int32_t> pages;
  std::map<std::string, std::optional<bool>> flags;
  std::vector<char> raw;
  MSGPACK_DEFINE_MAP(id, user, seconds, at, pages, flags, raw)

  friend bool operator==(const Event&, const Event&) = default;
};

std::vector<Event> sample_events() {
  const std::chrono::system_clock::time_point moment{std::chrono::milliseconds(1'000'000'000'500)};
  return {{},
          {.id = 1ULL << 63,
           .user = std::string(40, 'u'),
           .seconds = 0.5,
           .at = moment,
           .pages = {0, -1, -33, 128, 70000, -70000},
           .flags = {{"new", true}, {"unknown", std::nullopt}},
           .raw = {'\0', '\xff'}}};
}

std::string golden_file() {
  const char* folder = std::getenv("GOLDEN");
  REQUIRE_MESSAGE(folder != nullptr, "GOLDEN names the folder of the golden files");
  return std::string(folder) + "/packed";
}

TEST_CASE("items are packed today as the golden file holds them") {
  Packed<Event> events{memory_store()};
  events.append_items("k", sample_events());
  if (std::getenv("WRITE_GOLDEN")) write_file(golden_file(), events.store().get("k"));
  CHECK((events.store().get("k") == read_file(golden_file())));
}

TEST_CASE("the golden items are read") {
  Packed<Event> events{memory_store()};
  events.store().append("k", read_file(golden_file()));
  CHECK((events.get("k") == sample_events()));
}

}  // namespace
}  // namespace accrete::test
