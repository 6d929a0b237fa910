// How long a client puts up with a server that does not answer.
#pragma once

#include <chrono>
#include <optional>

namespace accrete {

/// After how long a client gives a connection up, and makes a new one.
struct Patience {
  /// Without the first welcome: then `connect` gives up. Without it, as ClientOptions has it.
  std::optional<std::chrono::milliseconds> opening{};
  std::chrono::milliseconds greeting = std::chrono::seconds{5};  ///< without a welcome
  std::chrono::milliseconds silence = std::chrono::seconds{1};   ///< while it waits for an answer; then it asks
  std::chrono::milliseconds ping = std::chrono::seconds{5};      ///< without an answer to that
  /// With a server that answers but acknowledges nothing: a message may be lost, or it may be slow. Doubled each time.
  std::chrono::milliseconds no_progress = std::chrono::seconds{10};
};

}  // namespace accrete
