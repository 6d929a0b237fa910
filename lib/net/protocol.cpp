#include "net/protocol.hpp"

#include <limits>
#include <type_traits>

#include "base/bytes.hpp"
#include "base/entries.hpp"
#include "base/hash.hpp"
#include "net/decoder.hpp"

namespace accrete::wire {
namespace {

// The kinds of requests and of replies are numbered as they stand in their variants, from these on.
constexpr std::uint8_t first_request = 0x01;
constexpr std::uint8_t first_reply = 0x41;
using RequestBody = decltype(Request::body);
using ReplyBody = decltype(Reply::body);
constexpr std::uint8_t append_kind = 0x02;
static_assert(std::is_same_v<std::variant_alternative_t<append_kind - first_request, RequestBody>, Append>);
static_assert(std::is_same_v<std::variant_alternative_t<0x16 - first_request, RequestBody>, ReloadKeys>);
constexpr std::uint8_t part_kind = 0x44;
static_assert(std::is_same_v<std::variant_alternative_t<part_kind - first_reply, ReplyBody>, Part>);
static_assert(std::is_same_v<std::variant_alternative_t<0x46 - first_reply, ReplyBody>, Reset>);

constexpr std::uint8_t sync_flag = 1;
constexpr std::uint8_t expect_size_flag = 2;
constexpr std::uint8_t id_flag = 4;
constexpr std::uint8_t own_id_flag = 8;
constexpr std::uint8_t after_flag = 1;
constexpr std::uint8_t value_flag = 1;
constexpr std::uint8_t expect_none_flag = 2;
constexpr std::uint8_t expect_value_flag = 4;
constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

/// Gives a message its checksum.
void seal(std::string& message) {
  const std::span bytes = std::as_writable_bytes(std::span(message));
  store_le(bytes.subspan<checksum_offset, sizeof(std::uint64_t)>(), checksum_of(message));
}

class Encoder {
 public:
  explicit Encoder(std::string& to) : to_(to) {}

  void header(std::uint8_t kind, std::uint64_t id) {
    to_.clear();
    append_le(to_, magic);
    append_le(to_, version);
    append_le(to_, kind);
    append_le(to_, std::uint16_t{0});
    append_le(to_, std::uint64_t{0});  // the checksum
    append_le(to_, id);
  }

  void operator()(const Hello& hello) {
    to_ += as_string_view(hello.session);
    append_le(to_, hello.window);
    append_le(to_, hello.forgotten);
  }
  void operator()(const Append& append) {
    begin_append(append.sequence, append.options, append.has_own_id);
    encode_entries(append.entries, to_);
  }
  void begin_append(std::uint64_t sequence, const AppendOptions& options, bool has_own_id) {
    append_le(to_, sequence);
    add_options(options, has_own_id);
  }
  void operator()(const Get& get) { add_keys(get.keys); }
  void operator()(const Locate& locate) { add_keys(locate.keys); }
  void operator()(const GetRange& range) {
    append_le(to_, range.offset);
    append_le(to_, range.size);
    add_name(range.key);
  }
  void operator()(const Size& size) { add_name(size.key); }
  void operator()(const List& list) {
    const ListOptions& options = list.options;
    append_le(to_, options.limit ? std::uint64_t{*options.limit} : no_limit);
    append_le(to_, options.after ? after_flag : std::uint8_t{0});
    add_name(options.prefix.substr(0, max_key_size + 1));
    if (options.after) add_name(options.after->substr(0, max_key_size + 1));
  }
  void operator()(const Erase& erase) { add_name(erase.key); }
  void operator()(const LastSequence& last) { to_ += as_string_view(last.writer); }
  void operator()(const More& more) {
    append_le(to_, more.request);
    append_le(to_, more.parts);
  }
  void operator()(const Drop&) {}
  void operator()(const Flush&) {}
  void operator()(const Sync&) {}
  void operator()(const StatsRequest&) {}
  void operator()(const Ping&) {}
  void operator()(const Bye& bye) {
    append_le(to_, static_cast<std::uint32_t>(bye.writers.size()));
    for (const WriterId& writer : bye.writers) to_ += as_string_view(writer);
  }
  void operator()(const Removals&) {}
  void operator()(const ServerStatsRequest&) {}
  void operator()(const GetAttribute& get) { add_name(get.name); }
  void operator()(const ListAttributes&) {}
  void operator()(const SetAttribute& set) {
    const std::optional<std::string_view>& expected = set.options.expect_value;
    append_le(
        to_, static_cast<std::uint8_t>((set.value ? value_flag : 0) | (set.options.expect_none ? expect_none_flag : 0) |
                                       (expected ? expect_value_flag : 0)));
    add_name(set.name);
    if (set.value) add_bytes(*set.value);
    if (expected) add_bytes(*expected);
  }
  void operator()(const ReloadKeys&) {}

  void operator()(const Welcome& welcome) {
    to_ += as_string_view(welcome.incarnation);
    append_le(to_, static_cast<std::uint8_t>(welcome.durability));
    append_le(to_, welcome.window);
    append_le(to_, welcome.max_message);
    append_le(to_, welcome.applied);
    append_le(to_, welcome.forgotten);
  }
  void operator()(const Ack& ack) { append_le(to_, ack.applied); }
  void operator()(const Refused& refused) {
    append_le(to_, refused.sequence);
    add_error(refused.error);
  }
  void operator()(const Part& part) {
    append_le(to_, part.index);
    append_le(to_, std::uint8_t{part.last});
    to_ += part.bytes;
  }
  void operator()(const Failed& failed) { add_error(failed.error); }
  void operator()(const Reset& reset) { add_error(reset.error); }

 private:
  void add_keys(std::span<const std::string_view> keys) {
    append_le(to_, static_cast<std::uint32_t>(keys.size()));
    for (const std::string_view key : keys) add_name(key);
  }

  void add_name(std::string_view name) {
    append_le(to_, static_cast<std::uint16_t>(name.size()));
    to_ += name;
  }

  void add_bytes(std::string_view bytes) {
    append_le(to_, static_cast<std::uint32_t>(bytes.size()));
    to_ += bytes;
  }

  void add_options(const AppendOptions& options, bool has_own_id) {
    append_le(to_,
              static_cast<std::uint8_t>((options.sync ? sync_flag : 0) | (options.expect_size ? expect_size_flag : 0) |
                                        (options.id ? id_flag : 0) | (has_own_id ? own_id_flag : 0)));
    if (options.expect_size) append_le(to_, *options.expect_size);
    if (!options.id) return;
    to_ += as_string_view(options.id->writer);
    append_le(to_, options.id->sequence);
  }

  void add_error(const ErrorReply& error) {
    append_le(to_, error.type);
    append_le(to_, std::uint8_t{error.retryable});
    append_le(to_, error.code);
    add_bytes(error.message);
  }

  std::string& to_;
};

AppendOptions decode_options(Decoder& from, bool& has_own_id) {
  AppendOptions options;
  const auto flags = from.integer<std::uint8_t>();
  if ((flags & ~(sync_flag | expect_size_flag | id_flag | own_id_flag)) != 0) {
    from.fail("its options have the unknown flags " + std::to_string(flags));
  }
  options.sync = (flags & sync_flag) != 0;
  has_own_id = (flags & own_id_flag) != 0;
  if (has_own_id && (flags & id_flag) == 0) from.fail("an id of its own making is said to be there, and is not");
  if (flags & expect_size_flag) options.expect_size = from.integer<std::uint64_t>();
  if (flags & id_flag) {
    const WriterId writer = from.id();
    options.id = BatchId{.writer = writer, .sequence = from.integer<std::uint64_t>()};
  }
  return options;
}

ListOptions decode_list_options(Decoder& from) {
  ListOptions options;
  const auto limit = from.integer<std::uint64_t>();
  if (limit != no_limit) options.limit = static_cast<std::size_t>(limit);
  const bool has_after = from.flag("flags");
  options.prefix = from.name();
  if (has_after) options.after = from.name();
  return options;
}

std::vector<std::string_view> decode_keys(Decoder& from) {
  std::vector<std::string_view> keys;
  const auto count = from.count<std::uint32_t>(sizeof(std::uint16_t) + 1);
  keys.reserve(count);
  for (std::size_t i = 0; i < count; ++i) keys.push_back(from.key());
  return keys;
}

Append decode_append(Decoder& from) {
  Append append{.sequence = from.integer<std::uint64_t>()};
  append.options = decode_options(from, append.has_own_id);
  append.entries = from.entries(append.encoded);
  return append;
}

SetAttribute decode_set_attribute(Decoder& from) {
  const auto flags = from.integer<std::uint8_t>();
  if ((flags & ~(value_flag | expect_none_flag | expect_value_flag)) != 0) {
    from.fail("it has the unknown flags " + std::to_string(flags));
  }
  SetAttribute set{.name = from.name(), .options = {.expect_none = (flags & expect_none_flag) != 0}};
  if (flags & value_flag) set.value = from.bytes(from.integer<std::uint32_t>());
  if (flags & expect_value_flag) set.options.expect_value = from.bytes(from.integer<std::uint32_t>());
  return set;
}

Bye decode_bye(Decoder& from) {
  Bye bye;
  const auto count = from.count<std::uint32_t>(sizeof(WriterId));
  if (count > max_ended_writers) from.fail("it ends " + std::to_string(count) + " writers at once");
  bye.writers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) bye.writers.push_back(from.id());
  return bye;
}

RequestBody decode_request_body(std::uint8_t kind, Decoder& from) {
  // Braces evaluate from left to right, so the fields stand as they lie in the message.
  switch (kind) {
    case 0x01:
      return Hello{
          .session = from.id(), .window = from.integer<std::uint64_t>(), .forgotten = from.integer<std::uint64_t>()};
    case 0x02:
      return decode_append(from);
    case 0x03:
      return Get{.keys = decode_keys(from)};
    case 0x04:
      return GetRange{
          .offset = from.integer<std::uint64_t>(), .size = from.integer<std::uint64_t>(), .key = from.key()};
    case 0x05:
      return Size{.key = from.key()};
    case 0x06:
      return List{.options = decode_list_options(from)};
    case 0x07:
      return Erase{.key = from.key()};
    case 0x08:
      return Drop{};
    case 0x09:
      return Flush{};
    case 0x0a:
      return Sync{};
    case 0x0b:
      return StatsRequest{};
    case 0x0c:
      return LastSequence{.writer = from.id()};
    case 0x0d:
      return Ping{};
    case 0x0e:
      return More{.request = from.integer<std::uint64_t>(), .parts = from.integer<std::uint32_t>()};
    case 0x0f:
      return decode_bye(from);
    case 0x10:
      return Removals{};
    case 0x11:
      return Locate{.keys = decode_keys(from)};
    case 0x12:
      return ServerStatsRequest{};
    case 0x13:
      return GetAttribute{.name = from.name()};
    case 0x14:
      return ListAttributes{};
    case 0x15:
      return decode_set_attribute(from);
    case 0x16:
      return ReloadKeys{};
    default:
      from.fail("its kind is " + std::to_string(kind) + ", which is none of a request");
  }
}

ErrorReply decode_error(Decoder& from) {
  ErrorReply error;
  error.type = from.integer<std::uint8_t>();
  if (!is_error_type(error.type)) from.fail("its error has the unknown type " + std::to_string(error.type));
  error.retryable = from.flag("retryable");
  error.code = from.integer<std::uint32_t>();
  error.message = from.bytes(from.integer<std::uint32_t>());
  return error;
}

Welcome decode_welcome(Decoder& from) {
  Welcome welcome{.incarnation = from.id()};
  const auto durability = from.integer<std::uint8_t>();
  if (durability > static_cast<std::uint8_t>(Durability::replicated)) {
    from.fail("its durability has the unknown number " + std::to_string(durability));
  }
  welcome.durability = static_cast<Durability>(durability);
  from.integers(welcome.window, welcome.max_message, welcome.applied, welcome.forgotten);
  return welcome;
}

ReplyBody decode_reply_body(std::uint8_t kind, Decoder& from) {
  switch (kind) {
    case 0x41:
      return decode_welcome(from);
    case 0x42:
      return Ack{.applied = from.integer<std::uint64_t>()};
    case 0x43:
      return Refused{.sequence = from.integer<std::uint64_t>(), .error = decode_error(from)};
    case 0x44:
      return Part{.index = from.integer<std::uint32_t>(), .last = from.flag("last"), .bytes = from.rest()};
    case 0x45:
      return Failed{.error = decode_error(from)};
    case 0x46:
      return Reset{.error = decode_error(from)};
    default:
      from.fail("its kind is " + std::to_string(kind) + ", which is none of a reply");
  }
}

}  // namespace

std::uint64_t checksum_of(std::string_view message) noexcept {
  const auto seed = load_le<std::uint64_t>(as_byte_span(message).first<checksum_offset>());
  return hash64(message.substr(checksum_offset + sizeof(std::uint64_t)), seed);
}

void encode_request(const Request& request, std::string& to) {
  Encoder encoder(to);
  encoder.header(static_cast<std::uint8_t>(first_request + request.body.index()), request.id);
  std::visit(encoder, request.body);
  seal(to);
}

void encode_reply(const Reply& reply, std::string& to) {
  Encoder encoder(to);
  encoder.header(static_cast<std::uint8_t>(first_reply + reply.body.index()), reply.id);
  std::visit(encoder, reply.body);
  seal(to);
}

Request decode_request(std::string_view message) {
  Decoder from("a client's message", message);
  Request request;
  const std::uint8_t kind = from.header(request.id);
  request.body = decode_request_body(kind, from);
  from.end();
  return request;
}

Reply decode_reply(std::string_view message) {
  Decoder from("a server's message", message);
  Reply reply;
  const std::uint8_t kind = from.header(reply.id);
  reply.body = decode_reply_body(kind, from);
  from.end();
  return reply;
}

void begin_append(const AppendOptions& options, bool has_own_id, std::string& to) {
  Encoder encoder(to);
  encoder.header(append_kind, 0);
  encoder.begin_append(0, options, has_own_id);
}

void set_sequence(std::string& append_message, std::uint64_t sequence) {
  const std::span bytes = std::as_writable_bytes(std::span(append_message));
  store_le(bytes.subspan<header_size, sizeof sequence>(), sequence);
  seal(append_message);
}

void begin_part(std::uint64_t request, std::uint32_t index, bool last, std::string& to) {
  Encoder encoder(to);
  encoder.header(part_kind, request);
  encoder(Part{.index = index, .last = last});
}

void end_part(std::string& part_message) { seal(part_message); }

std::optional<std::uint64_t> request_id_of(std::string_view message) noexcept {
  if (message.size() < header_size) return std::nullopt;
  ByteReader reader(message);
  if (reader.integer<std::uint32_t>() != magic || reader.integer<std::uint8_t>() != version) return std::nullopt;
  reader.bytes(checksum_offset - sizeof magic - sizeof version);
  if (reader.integer<std::uint64_t>() != checksum_of(message)) return std::nullopt;
  return reader.integer<std::uint64_t>();
}

}  // namespace accrete::wire
