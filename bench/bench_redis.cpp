// Times APPEND on a Redis server over its Unix socket, each client a process: bench_redis SOCKET CLIENTS APPENDS DEPTH
//
// DEPTH is the number of commands that may wait for their replies. Prints "quantity<TAB>subject<TAB>value": million
// appends a second until the last client has all replies.
#include <algorithm>
#include <hiredis/hiredis.h>
#include <iostream>
#include <memory>
#include <stdexcept>

#include "client_processes.hpp"
#include "workload.hpp"

namespace {

/// Encoded once, so that what is timed is Redis and not the formatting of commands.
std::vector<std::string> make_commands() {
  std::vector<std::string> commands;
  for (const std::string& key : bench::make_keys()) {
    char* command = nullptr;
    const int size = ::redisFormatCommand(&command, "APPEND %b %b", key.data(), key.size(), bench::entry_bytes.data(),
                                          bench::entry_bytes.size());
    if (size < 0) throw std::runtime_error("cannot format a command");
    commands.emplace_back(command, static_cast<std::size_t>(size));
    ::redisFreeCommand(command);
  }
  return commands;
}

class Client {
 public:
  Client(const std::string& socket, const bench::Share& share, std::size_t depth)
      : context_(::redisConnectUnix(socket.c_str())),
        appends_(share.appends),
        half_(std::max<std::size_t>(depth / 2, 1)) {
    if (!context_) throw std::bad_alloc();
    check(context_->err == 0);
  }

  /// Half of the commands are on their way while the replies to the other half are read: the server never waits for the
  /// client's next turn.
  bench::ClientTimes work() {
    std::size_t unanswered = 0;
    for (std::size_t done = 0; done < appends_;) {
      const std::size_t count = std::min(half_, appends_ - done);
      send(done, count);
      take_replies(unanswered);
      unanswered = count;
      done += count;
    }
    take_replies(unanswered);
    return {.acknowledged = bench::Clock::now()};
  }

 private:
  struct Free {
    void operator()(redisContext* context) const noexcept { ::redisFree(context); }
    void operator()(redisReply* reply) const noexcept { ::freeReplyObject(reply); }
  };

  void check(bool succeeded) const {
    if (!succeeded) throw std::runtime_error(std::string("Redis: ") + context_->errstr);
  }

  void send(std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      const std::string& command = commands_[i % bench::key_count];
      check(::redisAppendFormattedCommand(context_.get(), command.data(), command.size()) == REDIS_OK);
    }
    int all_written = 0;
    while (all_written == 0) check(::redisBufferWrite(context_.get(), &all_written) == REDIS_OK);
  }

  void take_replies(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      void* taken = nullptr;
      check(::redisGetReply(context_.get(), &taken) == REDIS_OK);
      const std::unique_ptr<redisReply, Free> reply(static_cast<redisReply*>(taken));
      if (reply->type != REDIS_REPLY_INTEGER) throw std::runtime_error("Redis has refused an APPEND");
    }
  }

  const std::vector<std::string> commands_ = make_commands();
  std::unique_ptr<redisContext, Free> context_;
  std::size_t appends_;
  std::size_t half_;
};

void run(char** arguments) {
  const std::string socket = arguments[0];
  const std::size_t clients = std::stoul(arguments[1]);
  const std::size_t appends = bench::parse_appends(arguments[2], clients);
  const std::size_t depth = std::stoul(arguments[3]);
  bench::time_clients("Redis", clients, appends, [&](const bench::Share& share) {
    const auto client = std::make_shared<Client>(socket, share, depth);
    return [client] { return client->work(); };
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: bench_redis SOCKET CLIENTS APPENDS DEPTH\n";
    return 2;
  }
  return bench::exit_code_of("bench_redis", [&] { run(argv + 1); });
}
