// What a buffer knows of batches stays within bounds, and is never wrong.
#include "layer/buffered/batch_ids.hpp"

#include <doctest/doctest.h>

#include "support/model.hpp"

namespace accrete::test {
namespace {

TEST_CASE("of a batch that is taken back the store below is asked again, where its writer was not known") {
  BatchIds ids;
  ids.learn(writer_id(1), 7);
  ids.add({.writer = writer_id(1), .sequence = 8});
  ids.add({.writer = writer_id(2), .sequence = 3});
  ids.add({.writer = writer_id(2), .sequence = 4});
  CHECK(ids.unsaved().empty());
  CHECK(ids.find(writer_id(2))->sequence == 4);
  ids.take_back_to(2);
  CHECK(ids.find(writer_id(2))->sequence == 3);
  ids.take_back_to(0);
  CHECK(ids.find(writer_id(1))->sequence == 7);
  CHECK_FALSE(ids.find(writer_id(2)));
}

TEST_CASE("of writers that the store below knows only so many are kept") {
  BatchIds ids;
  for (std::uint64_t i = 0; i < 10 * BatchIds::max_known; ++i) {
    ids.learn(writer_id(i), std::nullopt);
    CHECK(ids.size() <= BatchIds::max_known);
    ids.add({.writer = writer_id(i), .sequence = 1});
    ids.keep();
    if (!ids.is_crowded()) continue;
    const std::vector<BatchId> unsaved = ids.unsaved();
    CHECK_FALSE(unsaved.empty());
    ids.saved(unsaved);
  }
}

TEST_CASE("what the store below is to be told, or is being applied, is kept however much it is") {
  BatchIds ids;
  const std::uint64_t count = 2 * BatchIds::max_known;
  for (std::uint64_t i = 0; i < count; ++i) {
    ids.learn(writer_id(i), std::nullopt);
    ids.add({.writer = writer_id(i), .sequence = 1});
    CHECK_FALSE(ids.is_crowded());
  }
  ids.keep();
  CHECK(ids.is_crowded());
  ids.learn(writer_id(count), std::nullopt);
  for (std::uint64_t i = 0; i < count; ++i) REQUIRE(ids.find(writer_id(i))->sequence == 1);
  CHECK(ids.unsaved().size() == count);
}

}  // namespace
}  // namespace accrete::test
