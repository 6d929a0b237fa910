// Tests of net/protocol.cpp, error_reply.cpp, reply_results.cpp and part_encoder.cpp.
#include "net/protocol.hpp"

#include <algorithm>
#include <cerrno>
#include <doctest/doctest.h>
#include <limits>

#include "base/bytes.hpp"
#include "net/decoder.hpp"
#include "net/part_encoder.hpp"
#include "net/sample_messages.hpp"
#include "support/random_bytes.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

std::string again(const std::string& message, bool is_request) {
  std::string encoded;
  if (is_request) {
    wire::encode_request(wire::decode_request(message), encoded);
  } else {
    wire::encode_reply(wire::decode_reply(message), encoded);
  }
  return encoded;
}

/// True if the message is refused, false if it is decoded, to what it says.
bool refuses(const std::string& message, bool is_request) {
  try {
    require(again(message, is_request) == message, "a message is written in one way");
  } catch (const NetworkError&) {
    return true;
  }
  return false;
}

void for_each_message(const auto& check) {
  for (const std::string& message : encoded_requests()) check(message, true);
  for (const std::string& message : encoded_replies()) check(message, false);
}

TEST_CASE("every message is read as it was written") {
  int messages = 0;
  for_each_message([&](const std::string& message, bool is_request) {
    CHECK(again(message, is_request) == message);
    ++messages;
  });
  CHECK(messages == 39);
}

TEST_CASE("what an append holds comes out as it went in") {
  const std::string message = encoded_requests()[2];
  const wire::Request request = wire::decode_request(message);
  const auto& append = std::get<wire::Append>(request.body);
  CHECK(append.sequence == 0x0102030405060708);
  CHECK(append.options.sync);
  CHECK(append.options.expect_size == 0x0102030405060708);
  REQUIRE(append.options.id.has_value());
  CHECK(append.options.id->writer == sample_id(0x20));
  CHECK(append.options.id->sequence == 9);
  REQUIRE(append.entries.size() == 1);
  CHECK(append.entries[0].key == "k");
  CHECK(append.entries[0].bytes == "v");
}

TEST_CASE("a list without limit and without after differs from one with a limit of zero and an empty after") {
  const auto options_of = [](const std::string& message) {
    return std::get<wire::List>(wire::decode_request(message).body).options;
  };
  const std::vector<std::string> messages = encoded_requests();
  CHECK_FALSE(options_of(messages[9]).limit.has_value());
  CHECK_FALSE(options_of(messages[9]).after.has_value());
  CHECK(options_of(messages[10]).limit == 0);
  CHECK(options_of(messages[10]).after == "");
  CHECK(options_of(messages[10]).prefix == "p");
}

TEST_CASE("a prefix longer than a size can say is cut to what no key begins with") {
  const std::string prefix(100'000, 'p');
  std::string message;
  wire::encode_request({.id = 1, .body = wire::List{.options = {.prefix = prefix, .after = prefix}}}, message);
  const wire::Request request = wire::decode_request(message);
  CHECK(std::get<wire::List>(request.body).options.prefix == prefix.substr(0, max_key_size + 1));
  CHECK(std::get<wire::List>(request.body).options.after == prefix.substr(0, max_key_size + 1));
}

/// The message with the checksum that it should have.
std::string sealed(std::string message) {
  std::string checksum;
  append_le(checksum, wire::checksum_of(message));
  return message.replace(wire::checksum_offset, checksum.size(), checksum);
}

TEST_CASE("a message that is cut anywhere is refused") {
  for_each_message([](const std::string& message, bool is_request) {
    for (std::size_t size = 0; size < message.size(); ++size) CHECK(refuses(message.substr(0, size), is_request));
  });
}

TEST_CASE("a message made too short or too long is refused, but for a part, whose bytes end where it ends") {
  for_each_message([](const std::string& message, bool is_request) {
    const bool is_part = static_cast<unsigned char>(message[5]) == 0x44;
    const std::size_t least = is_part ? wire::part_header_size : message.size();
    for (std::size_t size = wire::header_size; size < message.size(); ++size) {
      CAPTURE(size);
      CHECK(refuses(sealed(message.substr(0, size)), is_request) == (size < least));
    }
    CHECK(refuses(sealed(message + '\0'), is_request) != is_part);
  });
}

TEST_CASE("a message with any byte changed is refused, and so is one with bytes repeated or swapped") {
  for_each_message([](const std::string& whole, bool is_request) {
    std::string message = whole;
    for (char& byte : message) {
      const char before = byte;
      for (int value = 0; value < 256; ++value) {
        byte = static_cast<char>(value);
        CHECK(refuses(message, is_request) == (byte != before));
      }
      byte = before;
    }
    CHECK(refuses(whole + whole, is_request));
    for (std::size_t at = 1; at < whole.size(); ++at) {
      const std::string swapped = whole.substr(at) + whole.substr(0, at);
      if (swapped != whole) CHECK(refuses(swapped, is_request));
    }
  });
}

TEST_CASE("a message made with any byte changed is refused, or is another that is read as it was written") {
  int refused = 0;
  int read = 0;
  for_each_message([&](std::string message, bool is_request) {
    for (char& byte : message) {
      const char before = byte;
      for (int value = 0; value < 256; ++value) {
        byte = static_cast<char>(value);
        ++(refuses(sealed(message), is_request) ? refused : read);
      }
      byte = before;
    }
  });
  CHECK(refused > 0);
  CHECK(read > 0);
}

/// A request of this kind with this body.
std::string request_of(std::uint8_t kind, std::string_view body) {
  std::string message;
  append_le(message, wire::magic);
  append_le(message, wire::version);
  append_le(message, kind);
  append_le(message, std::uint16_t{0});
  append_le(message, std::uint64_t{0});
  append_le(message, std::uint64_t{1});
  return sealed(message.append(body));
}

TEST_CASE("a count that the message cannot hold is refused without memory for it") {
  std::string count;
  append_le(count, std::numeric_limits<std::uint32_t>::max());
  CHECK(refuses(request_of(0x03, count), true));
  const std::string append(8 + 1, '\0');
  CHECK(refuses(request_of(0x02, append + count), true));
  CHECK(refuses(request_of(0x02, append + count + std::string(1000, '\0')), true));
  CHECK_THROWS_AS(static_cast<void>(wire::decode_values(count)), NetworkError);
  CHECK_THROWS_AS(static_cast<void>(wire::decode_list('\0' + count + count)), NetworkError);
  std::string value;
  append_le(value, std::uint32_t{1});
  append_le(value, std::numeric_limits<std::uint64_t>::max());
  CHECK_THROWS_AS(static_cast<void>(wire::decode_values(value + "x")), NetworkError);
}

std::string cause_of(const std::string& message) {
  try {
    static_cast<void>(wire::decode_request(message));
  } catch (const NetworkError& error) {
    return error.what();
  }
  return {};
}

TEST_CASE("an error says what is wrong with a message") {
  std::string message = request_of(0x08, "");
  CHECK(cause_of(message).empty());
  CHECK(cause_of(request_of(0x77, "")).find("kind is 119") != std::string::npos);
  CHECK(cause_of(sealed(message + "x")).find("1 bytes follow its end") != std::string::npos);
  CHECK(cause_of(message + "x").find("its checksum is not that of its bytes") != std::string::npos);
  message[4] = 9;
  CHECK(cause_of(message).find("version 9 and this program speaks version " + std::to_string(wire::version)) !=
        std::string::npos);
  message[0] = 'X';
  CHECK(cause_of(message).find("does not begin with the protocol's mark") != std::string::npos);
  CHECK(cause_of("").find("ends too early") != std::string::npos);
}

TEST_CASE("a key of no valid size is refused") {
  for (const std::size_t size : {std::size_t{0}, max_key_size + 1}) {
    std::string key;
    append_le(key, static_cast<std::uint16_t>(size));
    key.append(size, 'k');
    CHECK(refuses(request_of(0x05, key), true));
  }
}

TEST_CASE("the request's number is found in a message that makes no sense, and in none that is damaged") {
  const std::string message = request_of(0x77, "nonsense");
  CHECK(wire::request_id_of(message) == 1);
  for (std::size_t at = 0; at < message.size(); ++at) {
    std::string damaged = message;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    CHECK(wire::request_id_of(damaged) == std::nullopt);
    CHECK(wire::request_id_of(message.substr(0, at)) == std::nullopt);
  }
}

TEST_CASE("a list that is cut to a size holds as many keys as fit, at least one, and says that there are more") {
  const std::vector<KeySize> keys = {{"a", 1}, {"b", 2}, {"c", 3}};
  const std::size_t whole = wire::encode_list({.keys = keys}).size();
  for (std::size_t most = 0; most <= whole; ++most) {
    const std::string bytes = wire::encode_list({.keys = keys}, most);
    const wire::KeyPage page = wire::decode_list(bytes);
    REQUIRE(page.keys.size() >= 1);
    CHECK((bytes.size() <= most || page.keys.size() == 1));
    CHECK(std::equal(page.keys.begin(), page.keys.end(), keys.begin()));
    CHECK(page.more == (page.keys.size() < keys.size()));
  }
  CHECK(wire::decode_list(wire::encode_list({.keys = keys}, whole)).keys == keys);
}

/// Throws `error` on one side and catches it as a T on the other.
template <typename T>
void check_error(const T& error, bool retryable) {
  std::string text;
  const wire::ErrorReply reply = wire::describe_error(std::make_exception_ptr(error), text);
  CHECK(reply.retryable == retryable);
  std::string message;
  wire::encode_reply({.id = 1, .body = wire::Failed{.error = reply}}, message);
  const wire::Reply decoded = wire::decode_reply(message);
  try {
    wire::throw_error(std::get<wire::Failed>(decoded.body).error);
  } catch (const Error& thrown) {
    CHECK(typeid(thrown) == typeid(T));
    CHECK(std::string(thrown.what()) == error.what());
    if constexpr (std::is_base_of_v<IoError, T>) {
      CHECK(dynamic_cast<const IoError&>(thrown).code() == error.code());
    }
  }
}

TEST_CASE("every error arrives as its type, with its message and its errno") {
  check_error(Error("e"), false);
  check_error(IoError("append to", "x", EIO), false);
  check_error(DiskFullError("append to", "x", EDQUOT), true);
  check_error(CorruptionError("e"), false);
  check_error(NotFoundError("e"), false);
  check_error(ExistsError("e"), false);
  check_error(LockedError("e"), true);
  check_error(InvalidKeyError("e"), false);
  check_error(SizeMismatchError("e"), false);
  check_error(TypeMismatchError("e"), false);
  check_error(ReadOnlyError("e"), false);
  check_error(TooLargeError("e"), false);
  check_error(InvalidArgumentError("e"), false);
  check_error(NetworkError("e"), false);
  check_error(TimeoutError("e"), true);
  check_error(AuthError("e"), false);
  check_error(UnsupportedError("e"), false);
  check_error(UnknownOutcomeError("e"), true);
  check_error(ErasedError("e"), false);
}

TEST_CASE("what the standard library throws arrives as an error of accrete") {
  std::string text;
  const auto rethrow = [&](const std::exception_ptr& failure) {
    wire::throw_error(wire::describe_error(failure, text));
  };
  CHECK_THROWS_AS(rethrow(std::make_exception_ptr(std::bad_alloc())), TooLargeError);
  CHECK_THROWS_WITH_AS(rethrow(std::make_exception_ptr(std::runtime_error("odd"))), "odd", Error);
  CHECK_THROWS_AS(rethrow(std::make_exception_ptr(1)), Error);
}

TEST_CASE("an error of an unknown type is a NetworkError that holds its message") {
  CHECK_THROWS_AS(wire::throw_error({.type = 200, .message = "m"}), NetworkError);
  std::string message;
  wire::encode_reply({.id = 1, .body = wire::Failed{.error = {.type = 200}}}, message);
  CHECK(refuses(message, false));
}

TEST_CASE("results are read as they were written, and refused when cut or followed by more") {
  const std::vector<KeySize> keys = {{"a", 1}, {std::string("\0b", 2), 1ULL << 40}};
  const std::vector<std::string> values = {"", "value", std::string(1000, '\0')};
  const Stats stats{.keys = 1, .bytes = 2, .stored_bytes = 3, .buffered_bytes = 4, .flushes = 5};
  const ServerStats server_stats{.clients = 1,
                                 .refused_clients = 2,
                                 .batches = 3,
                                 .batch_bytes = 4,
                                 .refused_batches = 5,
                                 .queued_bytes = 6,
                                 .answers = 7};
  CHECK(wire::decode_list(wire::encode_list({.keys = keys})).keys == keys);
  CHECK_FALSE(wire::decode_list(wire::encode_list({.keys = keys})).more);
  CHECK(wire::decode_list(wire::encode_list({.keys = keys, .more = true})).more);
  CHECK(wire::decode_values(wire::encode_values(values)) == values);
  CHECK(wire::decode_size(wire::encode_size(std::nullopt)) == std::nullopt);
  CHECK(wire::decode_size(wire::encode_size(7)) == 7);
  const std::string encoded_stats = wire::encode_stats(stats);
  CHECK(wire::encode_stats(wire::decode_stats(encoded_stats)) == encoded_stats);
  CHECK(wire::decode_stats(encoded_stats).flushes == 5);
  const std::string encoded_server_stats = wire::encode_server_stats(server_stats);
  CHECK(wire::encode_server_stats(wire::decode_server_stats(encoded_server_stats)) == encoded_server_stats);
  CHECK(wire::decode_server_stats(encoded_server_stats).answers == 7);
  const std::string encoded_change = wire::encode_key_list_change({.keys = 1, .added = 2, .removed = 3});
  CHECK(wire::encode_key_list_change(wire::decode_key_list_change(encoded_change)) == encoded_change);
  CHECK(wire::decode_key_list_change(encoded_change).removed == 3);
  CHECK(wire::decode_number(wire::encode_number(7)) == 7);
  CHECK(wire::decode_flag(wire::encode_flag(true)));
  CHECK_FALSE(wire::decode_flag(wire::encode_flag(false)));
  CHECK(wire::decode_attribute(wire::encode_attribute(std::nullopt)) == std::nullopt);
  CHECK(wire::decode_attribute(wire::encode_attribute("")) == "");
  CHECK(wire::decode_attribute(wire::encode_attribute("value")) == "value");

  const auto check_cuts = [](const std::string& bytes, const auto& decode) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CHECK_THROWS_AS(static_cast<void>(decode(bytes.substr(0, size))), NetworkError);
    }
    CHECK_THROWS_AS(static_cast<void>(decode(bytes + "x")), NetworkError);
  };
  check_cuts(wire::encode_list({.keys = keys}), wire::decode_list);
  check_cuts(wire::encode_values(values), wire::decode_values);
  check_cuts(wire::encode_size(7), wire::decode_size);
  check_cuts(wire::encode_size(std::nullopt), wire::decode_size);
  check_cuts(encoded_stats, wire::decode_stats);
  check_cuts(encoded_server_stats, wire::decode_server_stats);
  check_cuts(encoded_change, wire::decode_key_list_change);
  check_cuts(wire::encode_number(7), wire::decode_number);
  check_cuts(wire::encode_flag(true), wire::decode_flag);
  check_cuts(wire::encode_attribute(std::nullopt), wire::decode_attribute);
}

TEST_CASE("a result is cut into parts of their size, the last of which says so") {
  const auto pool = MessagePool::make(wire::part_bytes);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, wire::part_bytes - 1, wire::part_bytes,
                                 wire::part_bytes + 1, 2 * wire::part_bytes, 2 * wire::part_bytes + 1000}) {
    CAPTURE(size);
    Random random(size);
    const std::string result = random_bytes(random, size);
    wire::PartEncoder encoder(7, size, *pool);
    for (std::size_t at = 0; at < size; at += 1000) encoder.add(std::string_view(result).substr(at, 1000));
    const std::vector<SharedMessage> messages = encoder.end();
    CHECK(messages.size() == std::max<std::size_t>((size + wire::part_bytes - 1) / wire::part_bytes, 1));
    std::string together;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const wire::Reply reply = wire::decode_reply(*messages[i]);
      CHECK(reply.id == 7);
      const auto& part = std::get<wire::Part>(reply.body);
      CHECK(part.index == i);
      CHECK(part.last == (i + 1 == messages.size()));
      together += part.bytes;
    }
    CHECK(together == result);
  }
}

}  // namespace
}  // namespace accrete::test
