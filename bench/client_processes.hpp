// Processes of clients that begin together, and the clock around them: what the drivers of servers share.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace bench {

using Clock = std::chrono::steady_clock;  // one for all processes

struct Share {
  std::size_t client;   ///< from 0 on
  std::size_t appends;  ///< of this client, to each key as many
};

/// What a client tells of its work. Points in time are those at which it has learned of it.
struct ClientTimes {
  Clock::time_point acknowledged{};
  std::optional<Clock::time_point> flushed{};
  std::optional<double> call_ns{};  ///< of an append that does not wait
};

using Work = std::function<ClientTimes()>;

/// Forks `count` clients, which do `appends` together. `prepare` connects, in the client's process and before the clock
/// starts; what it returns is timed. Prints "quantity<TAB>subject<TAB>value" for each quantity of ClientTimes, up to
/// the last client's (of calls: the slowest client's). Throws if a client fails.
void time_clients(const std::string& subject, std::size_t count, std::size_t appends,
                  const std::function<Work(const Share&)>& prepare);

/// Of the command line; throws std::invalid_argument unless it is a number that each client and key can have an equal
/// part of.
std::size_t parse_appends(const std::string& text, std::size_t clients);

/// For main(): 0, or 1 with the message of what `run` throws on standard error.
int exit_code_of(const std::string& program, const std::function<void()>& run);

}  // namespace bench
