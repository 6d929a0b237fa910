// One message of each kind, and of each way that its optional parts stand: for the tests of the protocol.
#pragma once

#include <accrete/store.hpp>
#include <string>
#include <vector>

#include "net/protocol.hpp"

namespace accrete::test {

inline std::array<std::byte, 16> sample_id(unsigned first) {
  std::array<std::byte, 16> id{};
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<std::byte>(first + i);
  return id;
}

inline std::vector<wire::Request> sample_requests() {
  using namespace wire;
  constexpr std::uint64_t number = 0x0102030405060708;
  const BatchId id{.writer = sample_id(0x20), .sequence = 9};
  const AppendOptions all{.sync = true, .expect_size = number, .id = id};
  const std::vector<Entry> entries = {{"k", "bytes"}, {std::string_view("\0\xff", 2), ""}, {"k", "more"}};
  return {
      {.id = 1, .body = Hello{.session = sample_id(1), .window = 16 << 20, .forgotten = 0x2122232425262728}},
      {.body = Append{.sequence = 1, .entries = entries}},
      {.body = Append{.sequence = number, .options = all, .entries = {{"k", "v"}}}},
      {.body = Append{.sequence = 3, .options = {.expect_size = 0}, .entries = {{"k", "v"}}}},
      {.body = Append{.sequence = 4, .options = {.id = id}}},
      {.id = 2, .body = Get{.keys = {"a", "bc"}}},
      {.id = 3, .body = Get{}},
      {.id = 4, .body = GetRange{.offset = 5, .size = number, .key = "key"}},
      {.id = 5, .body = Size{.key = "key"}},
      {.id = 6, .body = List{}},
      {.id = 7, .body = List{.options = {.prefix = "p", .after = "", .limit = 0}}},
      {.id = 8, .body = List{.options = {.after = "after", .limit = 10}}},
      {.id = 9, .body = Erase{.key = "key"}},
      {.id = 10, .body = Drop{}},
      {.id = 11, .body = Flush{}},
      {.id = 12, .body = Sync{}},
      {.id = 13, .body = StatsRequest{}},
      {.id = 14, .body = LastSequence{.writer = sample_id(0x40)}},
      {.id = 15, .body = Ping{}},
      {.body = More{.request = 2, .parts = 4}},
      {.body = Bye{}},
      {.id = 16, .body = Removals{}},
      {.id = 17, .body = Locate{.keys = {"a", "bc"}}},
      {.body = Append{.sequence = 5, .options = {.id = id}, .has_own_id = true, .entries = {{"k", "v"}}}},
      {.body = Bye{.writers = {sample_id(0x50), sample_id(0x51)}}},
      {.id = 18, .body = ServerStatsRequest{}},
      {.id = 19, .body = GetAttribute{.name = "csv.header"}},
      {.id = 20, .body = ListAttributes{}},
      {.id = 21, .body = SetAttribute{.name = "n", .value = "value", .options = {.expect_none = true}}},
      {.id = 22, .body = SetAttribute{.name = "n", .value = "", .options = {.expect_value = "old"}}},
      {.id = 23, .body = SetAttribute{.name = "n"}},
      {.id = 24, .body = ReloadKeys{}},
  };
}

inline std::vector<wire::Reply> sample_replies() {
  using namespace wire;
  const ErrorReply full{.type = 3, .retryable = true, .code = 28, .message = "cannot append: no room"};
  return {
      {.id = 1,
       .body = Welcome{.incarnation = sample_id(0x60),
                       .durability = Durability::sync,
                       .window = 1 << 20,
                       .max_message = 1 << 24,
                       .applied = 7,
                       .forgotten = 0x1112131415161718}},
      {.body = Ack{.applied = 0x0807060504030201}},
      {.body = Refused{.sequence = 8, .error = full}},
      {.id = 2, .body = Part{.index = 0, .last = false, .bytes = "part"}},
      {.id = 2, .body = Part{.index = 1, .last = true, .bytes = ""}},
      {.id = 3, .body = Failed{.error = {.type = 5, .message = "cannot open 'd': there is no dataset"}}},
      {.id = 4, .body = Reset{.error = {.type = 13, .retryable = true, .message = "say hello first"}}},
  };
}

/// All of them, encoded.
inline std::vector<std::string> encoded_requests() {
  std::vector<std::string> messages;
  for (const wire::Request& request : sample_requests()) wire::encode_request(request, messages.emplace_back());
  return messages;
}

inline std::vector<std::string> encoded_replies() {
  std::vector<std::string> messages;
  for (const wire::Reply& reply : sample_replies()) wire::encode_reply(reply, messages.emplace_back());
  return messages;
}

}  // namespace accrete::test
