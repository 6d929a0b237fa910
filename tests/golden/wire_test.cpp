// Pins the wire format: what the encoders make of the sample messages is, byte for byte, what is kept in the file wire
// beside this one, each message after its size as u32.
//
// GOLDEN is the folder of this file. With WRITE_GOLDEN set the file is made anew: only for a new protocol version.
#include <cstdlib>
#include <doctest/doctest.h>

#include "base/bytes.hpp"
#include "net/sample_messages.hpp"
#include "support/file_bytes.hpp"

namespace accrete::test {
namespace {

std::string golden_file() {
  const char* folder = std::getenv("GOLDEN");
  REQUIRE_MESSAGE(folder != nullptr, "GOLDEN names the folder of the golden files");
  return std::string(folder) + "/wire";
}

TEST_CASE("messages are written today as the golden file holds them") {
  std::string made;
  for (const std::vector<std::string>& messages : {encoded_requests(), encoded_replies()}) {
    for (const std::string& message : messages) {
      append_le(made, static_cast<std::uint32_t>(message.size()));
      made += message;
    }
  }
  if (std::getenv("WRITE_GOLDEN")) write_file(golden_file(), made);
  CHECK((made == read_file(golden_file())));
}

TEST_CASE("the golden messages are read") {
  const std::string file = read_file(golden_file());
  ByteReader reader(file);
  const std::size_t requests = sample_requests().size();
  std::size_t messages = 0;
  while (!reader.at_end()) {
    const std::string_view message = reader.bytes(reader.integer<std::uint32_t>());
    REQUIRE(reader.ok());
    if (messages < requests) {
      static_cast<void>(wire::decode_request(message));
    } else {
      static_cast<void>(wire::decode_reply(message));
    }
    ++messages;
  }
  CHECK(messages == requests + sample_replies().size());
}

}  // namespace
}  // namespace accrete::test
