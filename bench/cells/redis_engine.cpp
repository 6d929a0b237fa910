// Redis: APPEND, many commands to a round trip, over a Unix socket.
#include <hiredis/hiredis.h>

#include "engine.hpp"

namespace bench {
namespace {

using Reply = Owned<redisReply, ::freeReplyObject>;

class RedisSession : public Session {
 public:
  RedisSession(const char* socket, bool durable) : durable_(durable), context_(::redisConnectUnix(socket)) {
    if (!context_) throw std::bad_alloc();
    check(context_->err == 0);
  }

  /// The replies to a batch are taken after the next one, so that the server need not wait for it; those to a batch of
  /// one, and to one that is to be synced, at once.
  void append(std::span<const Entry> batch) override {
    for (const auto& [key, bytes] : batch) command({"APPEND", key, bytes});
    send();
    take_replies();
    unanswered_ = batch.size();
    if (durable_ || unanswered_ == 1) take_replies();
  }

  void flush() override { take_replies(); }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    std::vector<std::string_view> words = {"MGET"};
    words.insert(words.end(), keys.begin(), keys.end());
    command(words);
    const Reply reply = take_reply();
    for (const redisReply* const value : std::span(reply->element, reply->elements))
      sink(value->type == REDIS_REPLY_NIL ? std::string_view() : std::string_view(value->str, value->len));
  }

  void remove_all() {
    command({"FLUSHALL", "SYNC"});
    (void)take_reply();
  }

 private:
  void check(bool succeeded) const {
    if (!succeeded) throw std::runtime_error(std::string("Redis: ") + context_->errstr);
  }

  /// Is sent with the others, at the latest when a reply is asked for.
  void command(std::initializer_list<std::string_view> words) { command(std::span(words.begin(), words.size())); }
  void command(std::span<const std::string_view> words) {
    texts_.clear();
    sizes_.clear();
    for (const std::string_view word : words) {
      texts_.push_back(word.data());
      sizes_.push_back(word.size());
    }
    const auto count = static_cast<int>(words.size());
    check(::redisAppendCommandArgv(context_.get(), count, texts_.data(), sizes_.data()) == REDIS_OK);
  }

  void send() {
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
  Owned<redisContext, ::redisFree> context_;
  std::vector<const char*> texts_;  // their memory serves for the next command
  std::vector<std::size_t> sizes_;
  std::size_t unanswered_ = 0;
};

bool add(const char* name, const char* title, bool has_log) {
  const auto make = [=](const CellOptions& setup) -> Engine {
    std::filesystem::current_path(setup.directory);  // its path may be too long for that of a socket
    const auto connect = [durable = setup.durable] { return std::make_unique<RedisSession>("redis.sock", durable); };
    const std::string command = "exec redis-server --port 0 --unixsocket redis.sock --save '' --appendonly " +
                                std::string(has_log ? "yes" : "no") + " --appendfsync " +
                                (setup.durable ? "always" : "no") + " --auto-aof-rewrite-percentage 0";
    return {.open = connect,
            .destroy = [=] { connect()->remove_all(); },
            .server = std::make_shared<ServerProcess>(std::vector<std::string>{"sh", "-c", command}, setup.directory,
                                                      "to accept connections")};
  };
  const Level level = has_log ? Level::os : Level::memory;
  return add_engine(
      {name, title, REDIS_VERSION, make, {.level = level, .processes = true, .server = true, .durable = has_log}});
}

const bool are_added = add("redis", "Redis, in memory", false) && add("redis.aof", "Redis, append-only file", true);

}  // namespace
}  // namespace bench
