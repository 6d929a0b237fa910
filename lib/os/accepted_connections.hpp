// How many connections a server's process accepts, and which of them end when there are too many.
//
// ZeroMQ accepts connections in a thread of its own, as many as come, and ends the process (an assertion) when it finds
// no descriptor left. To count what it reports would be to count too late. So the functions `accept` and `accept4` that
// it calls are defined here, in place of the system's: what is linked into the program itself comes first. They keep
// the connections within three eighths of the descriptors that the process may have (`ulimit -n`): half are for the
// files of values, and an eighth is never given to a connection. One that comes when there is no room takes that of the
// oldest one that is not kept (KeptConnection): of a peer that has said nothing of sense yet.
//
// Linked into the programs and tests that have a server, never into the library.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace accrete {

/// How many connections there may be.
[[nodiscard]] std::size_t max_connections() noexcept;

/// While one lives, a connection is not ended for another. For any thread.
class KeptConnection {
 public:
  /// `descriptor`: of one that was accepted; another number does nothing.
  explicit KeptConnection(int descriptor);
  ~KeptConnection();
  KeptConnection(const KeptConnection&) = delete;
  KeptConnection& operator=(const KeptConnection&) = delete;

 private:
  int descriptor_;
  std::uint64_t number_ = 0;
};

/// Ends those that are not kept and were accepted before so long.
void end_silent_connections(std::chrono::milliseconds age);

/// How many have been ended or refused so far.
[[nodiscard]] std::uint64_t ended_connections() noexcept;

}  // namespace accrete
