// What a server has done, for whoever looks at it: the main loop alone counts, and any thread may read.
#pragma once

#include <accrete/accrete.hpp>
#include <atomic>
#include <cstdint>

namespace accrete::server {

/// A figure that one thread changes, without a lock.
class Figure {
 public:
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::uint64_t more) noexcept { set(value() + more); }
  void subtract(std::uint64_t less) noexcept { set(value() - less); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

/// As ServerStats has them. Each is right by itself; what two of them say may be of two moments.
struct Figures {
  Figure clients;
  Figure refused_clients;
  Figure batches;
  Figure batch_bytes;
  Figure refused_batches;
  Figure queued_bytes;
  Figure answers;

  [[nodiscard]] ServerStats stats() const noexcept {
    return {.clients = clients.value(),
            .refused_clients = refused_clients.value(),
            .batches = batches.value(),
            .batch_bytes = batch_bytes.value(),
            .refused_batches = refused_batches.value(),
            .queued_bytes = queued_bytes.value(),
            .answers = answers.value()};
  }
};

}  // namespace accrete::server
