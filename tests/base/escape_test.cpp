// Tests of base/escape.hpp.
#include "base/escape.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <iomanip>

#include "support/campaign.hpp"
#include "support/random_bytes.hpp"

namespace accrete {
namespace {

using namespace std::string_literals;

/// Strict: no overlong form, no surrogate, nothing beyond U+10FFFF, no C1 control. Written apart from the code tested.
bool is_printable_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t size = first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (size == 0 || size > text.size() - i || first >= 0xF8) return false;
    unsigned long point = size == 1 ? first : first & (0xFFU >> (size + 1));
    for (std::size_t k = 1; k < size; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next < 0x80 || next > 0xBF) return false;
      point = point << 6 | (next & 0x3F);
    }
    constexpr unsigned long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < smallest[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
    if (point < 0x20 || (point >= 0x7F && point < 0xA0)) return false;
    i += size;
  }
  return true;
}

TEST_CASE("printable text stays as it is") {
  for (const std::string_view text : {"", "plain text", "Zürich", "日本語", "🚀", "100%", "a|b,c\"d'"}) {
    CHECK(escape(text) == text);
  }
}

TEST_CASE("what breaks a line or a terminal becomes \\xNN") {
  CHECK(escape("a\nb") == "a\\x0ab");
  CHECK(escape("\x1b[31m") == "\\x1b[31m");
  CHECK(escape("\0"s) == "\\x00");
  CHECK(escape("\x7f") == "\\x7f");
  CHECK(escape("\\") == "\\x5c");
  CHECK(escape("\\x41") == "\\x5cx41");
}

TEST_CASE("C1 controls and what is not UTF-8 become \\xNN") {
  CHECK(escape("\xC2\x9B") == "\\xc2\\x9b");
  CHECK(escape("\xC0\xAF") == "\\xc0\\xaf");
  CHECK(escape("\xED\xA0\x80") == "\\xed\\xa0\\x80");
  CHECK(escape("\xF4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(escape("\xE2\x82") == "\\xe2\\x82");
  CHECK(escape("\xFF") == "\\xff");
}

TEST_CASE("UTF-8 is what RFC 3629 calls so, printable or not") {
  for (const std::string_view text :
       {"", "plain\n\x7f\\", "Z\xC3\xBCrich", "\xC2\x9B", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    CHECK(is_utf8(text));
  }
  for (const std::string_view bytes : {"\xFF", "text\x80", "\xC0\xAF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                       "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82"}) {
    CHECK_FALSE(is_utf8(bytes));
  }
}

TEST_CASE("every byte alone survives escape and unescape") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes(1, static_cast<char>(byte));
    REQUIRE(unescape(escape(bytes)) == bytes);
    REQUIRE(is_printable_utf8(escape(bytes)));
  }
}

TEST_CASE("random bytes survive escape and unescape, and are printable UTF-8 in between") {
  test::Random random(2);
  for (int i = 0; i < test::campaign_steps(100'000); ++i) {
    const std::size_t size = test::random_below(random, 24);
    const std::string bytes = test::one_in(random, 2)
                                  ? test::random_bytes(random, size)
                                  : test::random_text(random, size, "\\x0aF\xC2\xE2\x82\xAC\xED\xA0\xF0\x9F\x80 ");
    const std::string text = escape(bytes);
    REQUIRE(is_printable_utf8(text));
    REQUIRE(unescape(text) == bytes);
    if (is_printable_utf8(bytes) && bytes.find('\\') == std::string::npos) REQUIRE(text == bytes);
  }
}

TEST_CASE("unescape takes both cases of digits and leaves other backslashes alone") {
  CHECK(unescape("\\xAb\\xaB") == "\xAB\xAB");
  CHECK(unescape("\\n\\x4\\xg0\\") == "\\n\\x4\\xg0\\");
  CHECK(unescape("\\\\x41") == "\\A");
}

TEST_CASE("quoted shortens what is long and says how long it was") {
  CHECK(quoted("a\tb") == "'a\\x09b'");
  const std::string text = quoted(std::string(1000, 'k'));
  CHECK(text.size() < 300);
  CHECK(text.find("1000 bytes") != std::string::npos);
}

TEST_CASE("what is quoted may be a std::string where std::quoted is known, too") {
  std::string text = "key";
  const std::string constant = text;
  CHECK(std::string("get ") + quoted(text) == "get 'key'");
  CHECK(std::string("get ") + quoted(constant) == "get 'key'");
}

}  // namespace
}  // namespace accrete
