// The wire protocol between a client and the caching server. No sockets here: messages to bytes and back.
//
// A client is a ZeroMQ DEALER, the server a ROUTER; a message is one frame (after the identity that ROUTER adds).
// All integers are little-endian.
//
//   message   = header body
//   header    = magic:u32 version:u8 kind:u8 0:u16 checksum:u64 request:u64
//
// `checksum` is hash64 of all that follows it, seeded with the eight bytes before it: neither ZeroMQ nor an ipc socket
// has one, and TCP's 16 bits let through what a broken device on the way changes, swaps or repeats.
//
// Requests, of the client. `request` is a number that the reply repeats; it is 0 where there is no reply of its own.
//
//   hello     = %x01 ; session:16 window:u64 forgotten:u64        → welcome
//   append    = %x02 ; sequence:u64 options entries               → ack or refused
//   get       = %x03 ; count:u32 *key                             → parts: count:u32 *(size:u64 bytes)
//   get_range = %x04 ; offset:u64 size:u64 key                    → parts: bytes
//   size      = %x05 ; key                                        → parts: %x00 / %x01 size:u64
//   list      = %x06 ; limit:u64 flags:u8 prefix [after]          → parts: more:u8 count:u64 *(key size:u64)
//   erase     = %x07 ; key                                        → parts: nothing
//   drop      = %x08 ;                                            → parts: nothing
//   flush     = %x09 ;                                            → parts: nothing
//   sync      = %x0a ;                                            → parts: nothing
//   stats     = %x0b ;                                            → parts: 5*u64, in the order of Stats
//   writer    = %x0c ; writer:16                                  → parts: %x00 / %x01 sequence:u64
//   ping      = %x0d ;                                            → parts: nothing
//   more      = %x0e ; request:u64 parts:u32                      ; that reply may have so many parts more
//   bye       = %x0f ; count:u32 *writer:16                       ; the session is over, and so are these writers:
//                                                                 ; 1024 at most
//   removals  = %x10 ;                                            → parts: u64
//   locate    = %x11 ; count:u32 *key                             → parts: dataset:16 removals:u64 count:u32
//                                                                          *(in_file:u64 size:u64 bytes)
//   server    = %x12 ;                                            → parts: 7*u64, in the order of ServerStats
//   attribute = %x13 ; name                                       → parts: %x00 / %x01 bytes
//   names     = %x14 ;                                            → parts: as of get: the names of all attributes
//   set       = %x15 ; flags:u8 name [value] [expected]           → parts: is_set:u8
//   reload    = %x16 ;                                            → parts: 3*u64, in the order of KeyListChange
//
//   options   = flags:u8 [expect_size:u64] [writer:16 sequence:u64]   ; flags: 1 sync, 2 expect_size, 4 id,
//                                                                     ; 8 the id is of the client's own making,
//                                                                     ; and new
//   entries   = as in base/entries.hpp
//   key       = size:u16 bytes
//   prefix    = size:u16 bytes                                    ; may be empty
//   after     = size:u16 bytes                                    ; if flag 1 is set; limit is 2^64-1 for none
//   name      = size:u16 bytes                                    ; of an attribute
//   value     = size:u32 bytes                                    ; if flag 1 is set; else it is removed
//   expected  = size:u32 bytes                                    ; if flag 4 is set; flag 2: there is to be none
//
// Replies, of the server.
//
//   welcome   = %x41 ; incarnation:16 durability:u8 window:u64 max_message:u64 applied:u64
//               forgotten:u64
//   ack       = %x42 ; applied:u64                                ; request is 0
//   refused   = %x43 ; sequence:u64 error                         ; request is 0
//   part      = %x44 ; index:u32 last:u8 bytes                    ; the result is the bytes of its parts
//   failed    = %x45 ; error
//   reset     = %x46 ; error                                      ; the client is to connect anew
//
//   error     = type:u8 retryable:u8 code:u32 size:u32 message    ; code: an errno, or 0; types: see error_reply.cpp
//
// A session is a client's UUID; its appends are numbered from 1 on without a gap. The server applies a batch only if
// its sequence is the one after `applied`; one that was applied already is acknowledged again, and one further on is
// passed over without a word, since one before it was refused or lost. An ack covers all up to `applied`. After a
// `refused` the client sends again from that sequence on, or gives that batch up by sending another under its number.
// A refusal that is not retryable is for good; a client sends again what was refused for now.
// A call that waits for its batch gives it an id, of its own making where the user gave none, so that it can be sent
// again over another session if its outcome is not learned. A client uses such a writer for one batch after the other,
// and names it in its goodbye if no batch of it will come again: the server then forgets it. Such writers are told from
// those that users give by how they are made (base/own_writer.hpp). Those of clients that died are kept only for a
// time, so a batch that comes again with such an id is refused where the id is not known and may have been forgotten.
//
// An append that may be refused for what the store holds (expect_size) is sent only when nothing else is in flight, and
// nothing after it until it is answered.
//
// A server answers with `reset` what is damaged, and what comes over a connection on which no hello was said, or whose
// session goes on elsewhere: only a new hello tells both sides where they stand. A client that gets a damaged message
// connects anew by itself.
//
// `locate` is for clients that can read the dataset's files, as dataset/dataset.hpp has it: a value is the first
// `in_file` bytes of its file, and then `bytes`.
//
// `reload` has the server read the list of the clients' keys again that it was started with. It is for clients on the
// server's host: over TCP it is refused.
//
// A server may list fewer keys than there are; then `more` is 1, and the client asks again for those after the last.
//
// Flow control is by credit: a client has no more than `window` bytes of append messages unacknowledged, and a reply
// has no more than `first_parts` parts before the client has asked for `more`. After a reconnect, hello tells the
// client whether the server is the same (incarnation) and from which sequence on to send again (applied); other
// requests are sent again as they were. The sessions of clients that died are kept only for a time. A hello
// repeats what the last welcome said of `forgotten`, or 0. If the next welcome says another, and that `applied` is 0,
// what has been sent may have been applied: the client does not send it again, and the session begins anew. Numbers may
// be given anew after a `refused`, so appends that come over a connection which is not the session's latest must not be
// applied.
#pragma once

#include <accrete/accrete.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dataset/dataset.hpp"
#include "net/curve.hpp"

namespace accrete::wire {

inline constexpr std::uint32_t magic = 0x52434341;  // "ACCR"
inline constexpr std::uint8_t version = 8;
inline constexpr std::size_t checksum_offset = 4 + 1 + 1 + 2;
inline constexpr std::size_t header_size = checksum_offset + 8 + 8;
/// Of an `append` without options, up to its first entry.
inline constexpr std::size_t append_header_size = header_size + 8 + 1 + 4;
/// Of a `part`, up to its bytes.
inline constexpr std::size_t part_header_size = header_size + 4 + 1;
/// Of a `part`.
inline constexpr std::size_t part_bytes = std::size_t{256} << 10;
inline constexpr std::uint32_t first_parts = 8;
/// In a goodbye.
inline constexpr std::size_t max_ended_writers = 1024;

using SessionId = WriterId;
using Incarnation = std::array<std::byte, 16>;

struct Hello {
  SessionId session{};
  std::uint64_t window = 0;     ///< bytes that the client would like to have in flight
  std::uint64_t forgotten = 0;  ///< of the last welcome
};
struct Append {
  std::uint64_t sequence = 0;
  AppendOptions options{};
  bool has_own_id = false;       ///< options.id is of the client's own making, and new
  std::vector<Entry> entries{};  ///< into the message
  std::string_view encoded{};    ///< the same, as they lie in the message
};
struct Get {
  std::vector<std::string_view> keys{};
};
struct GetRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string_view key{};
};
struct Size {
  std::string_view key{};
};
struct List {
  ListOptions options{};
};
struct Erase {
  std::string_view key{};
};
struct Drop {};
struct Flush {};
struct Sync {};
struct StatsRequest {};
struct LastSequence {
  WriterId writer{};
};
struct Ping {};
struct More {
  std::uint64_t request = 0;
  std::uint32_t parts = 0;
};
struct Bye {
  std::vector<WriterId> writers{};  ///< of ids of the client's own making
};
struct Removals {};
struct Locate {
  std::vector<std::string_view> keys{};
};
struct ServerStatsRequest {};
struct GetAttribute {
  std::string_view name{};
};
struct ListAttributes {};
struct SetAttribute {
  std::string_view name{};
  std::optional<std::string_view> value{};
  AttributeOptions options{};
};
struct ReloadKeys {};

/// Views point into the message.
struct Request {
  std::uint64_t id = 0;
  std::variant<Hello, Append, Get, GetRange, Size, List, Erase, Drop, Flush, Sync, StatsRequest, LastSequence, Ping,
               More, Bye, Removals, Locate, ServerStatsRequest, GetAttribute, ListAttributes, SetAttribute, ReloadKeys>
      body{};
};

struct Welcome {
  Incarnation incarnation{};
  Durability durability = Durability::os;
  std::uint64_t window = 0;       ///< bytes of append messages that may be unacknowledged
  std::uint64_t max_message = 0;  ///< bytes
  std::uint64_t applied = 0;      ///< the session's last sequence; 0: none
  std::uint64_t forgotten = 0;    ///< changes when a session is forgotten whose client has not said goodbye
};
struct Ack {
  std::uint64_t applied = 0;
};
/// An error on its way over the wire.
struct ErrorReply {
  std::uint8_t type = 0;
  bool retryable = false;  ///< the same request may succeed later
  std::uint32_t code = 0;
  std::string_view message{};
};
struct Refused {
  std::uint64_t sequence = 0;
  ErrorReply error{};
};
struct Part {
  std::uint32_t index = 0;
  bool last = true;
  std::string_view bytes{};
};
struct Failed {
  ErrorReply error{};
};
struct Reset {
  ErrorReply error{};
};

struct Reply {
  std::uint64_t id = 0;
  std::variant<Welcome, Ack, Refused, Part, Failed, Reset> body{};
};

/// The keys of a `list`, or as many of them as the server gives at once.
struct KeyPage {
  std::vector<KeySize> keys{};
  bool more = false;  ///< there are others after the last
};

/// Each replaces the contents of `to`, whose memory is used again. A list's prefix and `after` are cut after the size
/// of the longest key, which changes no result.
void encode_request(const Request& request, std::string& to);
void encode_reply(const Reply& reply, std::string& to);

/// As encode_request of an `append`, but without its entries: the caller adds them as base/entries.hpp says, and then
/// gives it its sequence.
void begin_append(const AppendOptions& options, bool has_own_id, std::string& to);
/// Gives an encoded `append` its sequence, or another, and the checksum that goes with it.
void set_sequence(std::string& append_message, std::uint64_t sequence);

/// As encode_reply of a `part`, but without its bytes: the caller adds them, and then ends it.
void begin_part(std::uint64_t request, std::uint32_t index, bool last, std::string& to);
void end_part(std::string& part_message);

/// Throw NetworkError, which says what is wrong; a message of another version says which both are.
[[nodiscard]] Request decode_request(std::string_view message);
[[nodiscard]] Reply decode_reply(std::string_view message);

/// The `request` of a message that decode_request refuses although it is as its sender has made it, to answer it;
/// nullopt if it is damaged, or of another version.
[[nodiscard]] std::optional<std::uint64_t> request_id_of(std::string_view message) noexcept;

/// The error that `failure` holds, as the wire carries it. `message` holds the text that the result points into. A
/// TooLargeError is not marked as retryable: who throws it for being busy marks it.
[[nodiscard]] ErrorReply describe_error(const std::exception_ptr& failure, std::string& message);
/// Throws the type that was thrown on the other side.
[[noreturn]] void throw_error(const ErrorReply& error);

/// Results, as the bytes of their parts put together.
[[nodiscard]] std::string encode_number(std::uint64_t number);
[[nodiscard]] std::uint64_t decode_number(std::string_view bytes);

[[nodiscard]] std::string encode_flag(bool flag);
[[nodiscard]] bool decode_flag(std::string_view bytes);
[[nodiscard]] std::string encode_attribute(const std::optional<std::string>& value);
[[nodiscard]] std::optional<std::string> decode_attribute(std::string_view bytes);
[[nodiscard]] std::string encode_size(const std::optional<std::uint64_t>& size);
[[nodiscard]] std::optional<std::uint64_t> decode_size(std::string_view bytes);
/// Of as many keys as fit `max_bytes`, at least one.
[[nodiscard]] std::string encode_list(const KeyPage& page, std::size_t max_bytes = ~std::size_t{0});
[[nodiscard]] KeyPage decode_list(std::string_view bytes);
[[nodiscard]] std::string encode_stats(const Stats& stats);
[[nodiscard]] Stats decode_stats(std::string_view bytes);
[[nodiscard]] std::string encode_server_stats(const ServerStats& stats);
[[nodiscard]] ServerStats decode_server_stats(std::string_view bytes);
[[nodiscard]] std::string encode_key_list_change(const KeyListChange& change);
[[nodiscard]] KeyListChange decode_key_list_change(std::string_view bytes);
[[nodiscard]] std::string encode_values(std::span<const std::string> values);
/// Hands the same to `add`, piece by piece, and says how many bytes it has.
void encode_values(std::span<const std::string> values, const std::function<void(std::string_view)>& add);
[[nodiscard]] std::uint64_t encoded_values_size(std::span<const std::string> values) noexcept;
/// As above.
void encode_located(const LocatedValues& located, const std::function<void(std::string_view)>& add);
[[nodiscard]] std::uint64_t encoded_located_size(const LocatedValues& located) noexcept;
/// Of the result of a `locate`: what stands before its values, and before the bytes of each.
inline constexpr std::size_t located_head_size = 16 + 8 + 4;
inline constexpr std::size_t located_value_head_size = 8 + 8;
[[nodiscard]] std::vector<std::string> decode_values(std::string_view bytes);

}  // namespace accrete::wire
