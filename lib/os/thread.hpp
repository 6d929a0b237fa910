// Threads of the library's own.
#pragma once

#include <functional>
#include <thread>

namespace accrete {

/// A thread that runs `work`, which must throw nothing, and takes none of the signals that are sent to the process: a
/// program that blocks one, to deal with it in a place of its own, must not be killed by way of a thread that it does
/// not know of. Throws IoError if the system has no thread left.
[[nodiscard]] std::thread start_thread(std::function<void()> work);

/// How many cores this process may use (sched_setaffinity, cpusets), at least 1.
[[nodiscard]] unsigned usable_cores() noexcept;

}  // namespace accrete
