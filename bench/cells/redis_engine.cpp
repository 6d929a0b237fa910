// Redis: APPEND, many commands to a round trip, over a Unix socket.
#include <algorithm>
#include <array>
#include <cstdio>
#include <hiredis/hiredis.h>

#include "engine.hpp"

namespace bench {
namespace {

struct Free {
  void operator()(redisContext* context) const noexcept { ::redisFree(context); }
  void operator()(redisReply* reply) const noexcept { ::freeReplyObject(reply); }
  void operator()(std::FILE* pipe) const noexcept { ::pclose(pipe); }
};
using Reply = std::unique_ptr<redisReply, Free>;

struct Kind {
  bool log = false;
};

/// Empty if there is no redis-server.
std::string server_version() {
  // NOLINTNEXTLINE(cert-env33-c): the command is always this one
  const std::unique_ptr<std::FILE, Free> pipe(::popen("redis-server --version 2>/dev/null", "r"));
  std::array<char, 256> line{};
  if (!pipe || std::fgets(line.data(), line.size(), pipe.get()) == nullptr) return {};
  const std::string text = line.data();
  const std::size_t begin = text.find("v=");
  if (begin == std::string::npos) return {};
  return text.substr(begin + 2, text.find(' ', begin) - begin - 2);
}

void add_word(std::string& commands, std::string_view word) {
  commands += '$';
  commands += std::to_string(word.size());
  commands += "\r\n";
  commands += word;
  commands += "\r\n";
}

class RedisSession : public Session {
 public:
  RedisSession(const std::string& socket, bool durable)
      : durable_(durable), context_(::redisConnectUnix(socket.c_str())) {
    if (!context_) throw std::bad_alloc();
    check(context_->err == 0);
  }

  /// The replies to a batch are taken after the next one, so that the server need not wait for it; those to a batch of
  /// one, and to one that is to be synced, at once.
  void append(std::span<const Entry> batch) override {
    for (; !batch.empty(); batch = batch.subspan(std::min(batch.size(), max_pipeline))) {
      const auto commands = batch.first(std::min(batch.size(), max_pipeline));
      send(commands);
      take_replies();
      unanswered_ = commands.size();
    }
    if (durable_ || unanswered_ == 1) take_replies();
  }

  void flush() override { take_replies(); }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    std::string command = "*" + std::to_string(keys.size() + 1) + "\r\n";
    add_word(command, "MGET");
    for (const std::string_view key : keys) add_word(command, key);
    write(command);
    const Reply reply = take_reply();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const redisReply& value = *reply->element[i];
      sink(i, value.type == REDIS_REPLY_NIL ? std::string_view() : std::string_view(value.str, value.len));
    }
  }

  void remove_all() {
    write("*2\r\n$8\r\nFLUSHALL\r\n$4\r\nSYNC\r\n");
    (void)take_reply();
  }

 private:
  static constexpr std::size_t max_pipeline = 10'000;

  void check(bool succeeded) const {
    if (!succeeded) throw std::runtime_error(std::string("Redis: ") + context_->errstr);
  }

  void send(std::span<const Entry> entries) {
    commands_.clear();
    for (const Entry& entry : entries) {
      commands_ += "*3\r\n$6\r\nAPPEND\r\n";
      add_word(commands_, entry.key);
      add_word(commands_, entry.bytes);
    }
    write(commands_);
  }

  void write(const std::string& commands) {
    check(::redisAppendFormattedCommand(context_.get(), commands.data(), commands.size()) == REDIS_OK);
    int all_written = 0;
    while (all_written == 0) check(::redisBufferWrite(context_.get(), &all_written) == REDIS_OK);
  }

  Reply take_reply() {
    void* taken = nullptr;
    check(::redisGetReply(context_.get(), &taken) == REDIS_OK);
    Reply reply(static_cast<redisReply*>(taken));
    if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(std::string("Redis: ") + reply->str);
    return reply;
  }

  void take_replies() {
    for (; unanswered_ > 0; --unanswered_) (void)take_reply();
  }

  bool durable_;
  std::unique_ptr<redisContext, Free> context_;
  std::string commands_;  // its memory serves for the next batch
  std::size_t unanswered_ = 0;
};

std::vector<std::string> make_command(const Kind& kind, bool durable) {
  std::vector<std::string> words = {"redis-server", "--port", "0", "--unixsocket", "redis.sock", "--save", ""};
  for (const char* word : {"--appendonly", kind.log ? "yes" : "no", "--appendfsync", durable ? "always" : "no",
                           "--auto-aof-rewrite-percentage", "0"})
    words.emplace_back(word);
  return words;
}

Engine make_engine(const Kind& kind, const CellOptions& setup) {
  const auto connect = [durable = setup.durable] { return std::make_unique<RedisSession>("redis.sock", durable); };
  const auto destroy = [=, directory = setup.directory] {
    connect()->remove_all();
    for (const auto& entry : std::filesystem::directory_iterator(directory)) std::filesystem::remove_all(entry);
  };
  std::filesystem::current_path(setup.directory);  // its path may be too long for that of a socket
  return {.open = connect,
          .destroy = destroy,
          .server = std::make_shared<ServerProcess>(make_command(kind, setup.durable), setup.directory,
                                                    "ready to accept connections")};
}

const std::string version = server_version();

EngineType make_type(const char* name, const char* title, const Kind& kind) {
  return {.description = {.name = name,
                          .title = title,
                          .version = version,
                          .level = kind.log ? Level::os : Level::memory,
                          .processes = true,
                          .server = true,
                          .durable = kind.log},
          .make = [kind](const CellOptions& setup) {
            if (version.empty()) throw Unavailable("there is no redis-server");
            return make_engine(kind, setup);
          }};
}

const bool are_added = add_engine(make_type("redis", "Redis, in memory", {})) &&
                       add_engine(make_type("redis.aof", "Redis, append-only file", {.log = true}));

}  // namespace
}  // namespace bench
