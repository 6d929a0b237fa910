// Tests of base/error.cpp.
#include <accrete/error.hpp>
#include <cerrno>
#include <doctest/doctest.h>

#include "base/throw_io_error.hpp"

namespace accrete {
namespace {

TEST_CASE("the message of an IoError names the action, the object and the cause") {
  const IoError error("append to", "some/path", EIO);
  CHECK(std::string(error.what()) == "cannot append to 'some/path': Input/output error");
  CHECK(error.code().value() == EIO);
}

TEST_CASE("an IoError holds its object as it is, also when it is copied") {
  const IoError error("open", "a\nb", ENOENT);
  const IoError copy = error;  // NOLINT(performance-unnecessary-copy-initialization): that is the claim
  CHECK(copy.object() == "a\nb");
  CHECK(IoError("made elsewhere", error.code()).object().empty());
  CHECK(IoError("made elsewhere", error.code(), "path").object() == "path");
  try {
    throw_io_error("append to", "some/path", ENOSPC);
  } catch (const IoError& full) {
    CHECK(full.object() == "some/path");
  }
}

TEST_CASE("an object with a line break cannot break the message") {
  CHECK(std::string(IoError("open", "a\nb", ENOENT).what()) == "cannot open 'a\\x0ab': No such file or directory");
}

TEST_CASE("no room and no quota are DiskFullError, with their errno") {
  CHECK_THROWS_AS(throw_io_error("append to", "x", ENOSPC), DiskFullError);
  CHECK_THROWS_AS(throw_io_error("append to", "x", EDQUOT), DiskFullError);
  try {
    throw_io_error("append to", "x", EDQUOT);
  } catch (const IoError& error) {
    CHECK(error.code().value() == EDQUOT);
  }
}

TEST_CASE("a read-only file system is ReadOnlyError") {
  CHECK_THROWS_AS(throw_io_error("append to", "x", EROFS), ReadOnlyError);
}

TEST_CASE("any other errno is an IoError and no DiskFullError") {
  for (const int number : {EIO, EACCES, ENOENT, EMFILE, EFBIG}) {
    try {
      throw_io_error("append to", "x", number);
    } catch (const DiskFullError&) {
      FAIL("errno ", number, " is taken for a full disk");
    } catch (const IoError& error) {
      CHECK(error.code().value() == number);
    }
  }
}

}  // namespace
}  // namespace accrete
