// Who sees an id knows whether a client has made it or a user has given it.
#include "base/own_writer.hpp"

#include <doctest/doctest.h>

#include "os/system.hpp"

namespace accrete::test {
namespace {

TEST_CASE("a writer of a client's own making is told from one that a user has given") {
  for (int i = 0; i < 1000; ++i) {
    WriterId writer = make_own_writer(random_u64(), random_u64());
    CHECK(is_own_writer(writer));
    for (std::byte& byte : writer) {
      byte ^= std::byte{1};
      CHECK_FALSE(is_own_writer(writer));
      byte ^= std::byte{1};
    }
    CHECK_FALSE(is_own_writer(random_uuid()));
  }
  CHECK_FALSE(is_own_writer(WriterId{}));
}

TEST_CASE("a writer of a client's own making may be forgotten once others have been, and a user's never is") {
  const WriterId writer = make_own_writer(random_u64(), 0xffff'ffff'ffff);
  CHECK_FALSE(may_be_forgotten(writer, 0xffff'ffff'ffff));
  CHECK(may_be_forgotten(writer, 0x1'0000'0000'0000));
  CHECK_FALSE(may_be_forgotten(random_uuid(), 1));
}

}  // namespace
}  // namespace accrete::test
