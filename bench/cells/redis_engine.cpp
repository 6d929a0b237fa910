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

/// Empty if there is no redis-server.
std::string server_version() {
  std::array<char, 32> version{};
  // NOLINTNEXTLINE(cert-env33-c): the command is always this one
  const std::unique_ptr<std::FILE, Free> pipe(::popen("redis-server --version 2>/dev/null", "r"));
  if (!pipe || std::fscanf(pipe.get(), "Redis server v=%31s", version.data()) != 1) return {};
  return version.data();
}

void add_word(std::string& commands, std::string_view word) {
  commands.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
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
    while (!batch.empty()) {
      const auto pipeline = batch.first(std::min(batch.size(), max_pipeline));
      batch = batch.subspan(pipeline.size());
      commands_.clear();
      for (const Entry& entry : pipeline) {
        commands_ += "*3\r\n$6\r\nAPPEND\r\n";
        add_word(commands_, entry.key);
        add_word(commands_, entry.bytes);
      }
      write(commands_);
      take_replies();
      unanswered_ = pipeline.size();
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

std::unique_ptr<RedisSession> connect(const CellOptions& setup) {
  return std::make_unique<RedisSession>("redis.sock", setup.durable);
}

Engine make_engine(bool has_log, const CellOptions& setup) {
  std::filesystem::current_path(setup.directory);  // its path may be too long for that of a socket
  const std::vector<std::string> command = {"redis-server",
                                            "--port",
                                            "0",
                                            "--unixsocket",
                                            "redis.sock",
                                            "--save",
                                            "",
                                            "--appendonly",
                                            has_log ? "yes" : "no",
                                            "--appendfsync",
                                            setup.durable ? "always" : "no",
                                            "--auto-aof-rewrite-percentage",
                                            "0"};
  return {.open = [=] { return connect(setup); },
          .destroy = [=] { connect(setup)->remove_all(); },
          .server = std::make_shared<ServerProcess>(command, setup.directory, "ready to accept connections")};
}

bool add(const char* name, const char* title, bool has_log) {
  static const std::string version = server_version();
  if (version.empty()) return false;
  return add_engine({.name = name,
                     .title = title,
                     .version = version,
                     .level = has_log ? Level::os : Level::memory,
                     .processes = true,
                     .server = true,
                     .durable = has_log,
                     .make = [=](const CellOptions& setup) { return make_engine(has_log, setup); }});
}

const bool are_added = add("redis", "Redis, in memory", false) && add("redis.aof", "Redis, append-only file", true);

}  // namespace
}  // namespace bench
