// The table of writers, as several processes change it in turn.
#include "layout/files/writers.hpp"

#include <array>
#include <doctest/doctest.h>

#include "base/own_writer.hpp"
#include "os/env.hpp"
#include "support/model.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

TEST_CASE("who takes a change back in a table that it has not read tells those who have") {
  const TemporaryDirectory place(memory_directory());
  const std::unique_ptr<Directory> directory = posix_env().try_open_directory(place.path());
  Writers reader(*directory, false);
  Writers changer(*directory, false);
  const std::array<WriterId, 2> passing = {make_own_writer(1, 0), make_own_writer(2, 0)};
  constexpr std::uint64_t count = passing.size();
  for (std::uint64_t slot = 0; slot < count; ++slot) changer.store(slot, {.writer = passing[slot], .sequence = 1});
  changer.forget(passing[0], count);
  CHECK_FALSE(reader.find(writer_id(1), count));
  changer.store(0, {.writer = writer_id(1), .sequence = 1});
  changer.forget(passing[1], count);
  changer.store(1, {.writer = writer_id(2), .sequence = 1});
  Writers(*directory, false).restore(1, std::nullopt, count);
  reader.expect_changes();
  const auto found = reader.find(writer_id(1), count);
  REQUIRE(found);
  CHECK(found->sequence == 1);
}

}  // namespace
}  // namespace accrete::test
