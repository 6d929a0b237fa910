// What the first bytes of an input say of it.
#include "cli/load/input_front.hpp"

#include <doctest/doctest.h>
#include <string>

namespace accrete::test {
namespace {

using namespace accrete::cli;
using namespace std::string_literals;

char ending_of(const std::string& text) { return look_at_front(text, true)->ending; }

std::string problem_of(const std::string& text) { return look_at_front(text, true)->problem; }

TEST_CASE("lines end with LF where there is one, and with CR where there is only that") {
  CHECK(ending_of("a\nb\n") == '\n');
  CHECK(ending_of("a\r\nb\r\n") == '\n');
  CHECK(ending_of("a\rb\n") == '\n');
  CHECK(ending_of("a\rb\r") == '\r');
  CHECK(ending_of("a\r") == '\n');
  CHECK(ending_of("a") == '\n');
  CHECK(ending_of("") == '\n');
}

TEST_CASE("as long as no line has ended more may have to come") {
  CHECK_FALSE(look_at_front("a\rb", false));
  CHECK_FALSE(look_at_front("", false));
  CHECK(look_at_front("a\n", false)->ending == '\n');
  CHECK(look_at_front(std::string((1 << 20) - 2, 'a') + "\rb", false)->ending == '\r');
}

TEST_CASE("what comes after the first mebibyte makes no difference") {
  const std::string front = "a\r" + std::string(1 << 20, 'b');
  CHECK(look_at_front(front, false)->ending == '\r');
  CHECK(look_at_front(front + "\n", true)->ending == '\r');
}

TEST_CASE("a byte order mark is no part of the text") {
  CHECK(look_at_front("\xEF\xBB\xBF"
                      "a\n",
                      true)
            ->mark_size == 3);
  CHECK(look_at_front("a\n", true)->mark_size == 0);
}

TEST_CASE("what is no text is named, and what to do") {
  CHECK(problem_of("PAR1\x15\x04"s).find("Parquet") != std::string::npos);
  CHECK(problem_of("PK\x03\x04\x14"s).find("ZIP") != std::string::npos);
  CHECK(problem_of("\xFF\xFE"
                   "a\0\n\0"s)
            .find("iconv -f UTF-16") != std::string::npos);
  CHECK(problem_of("a\0,\0b\0\r\0\n\0001\0,\0002\0"s).find("UTF-16") != std::string::npos);
  CHECK(problem_of(std::string(40, '\0')).find("binary") != std::string::npos);
  CHECK(look_at_front("PAR1\x15\x04"s, false));
}

TEST_CASE("text that begins like something else is text, and so is one with a NUL here and there") {
  for (const std::string& text : {"PAR1,b\n"s, "ORCID,name\n"s, "a\0b,\0\n"s, "%PDF-like,x\n"s, "\x01\x02\n"s}) {
    CHECK(problem_of(text).empty());
  }
}

}  // namespace
}  // namespace accrete::test
