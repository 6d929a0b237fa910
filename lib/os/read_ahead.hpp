// A source that a thread of its own reads ahead of who takes its bytes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "os/byte_source.hpp"
#include "os/wake_up.hpp"

namespace accrete {

/// For sources that make their bytes, such as those that decode. Up to a mebibyte is read ahead. What the source throws
/// comes after the bytes before it.
class ReadAhead final : public SourceOver {
 public:
  /// Throws IoError where no thread is left.
  explicit ReadAhead(std::unique_ptr<ByteSource> source);
  ~ReadAhead() override;
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  [[nodiscard]] std::size_t read(std::span<char> to) override;
  [[nodiscard]] Waited wait(std::optional<Clock::time_point> until, int interruption_fd) override;
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return std::nullopt; }

 private:
  void run() noexcept;
  /// False at the end of the source, or when nobody wants more.
  bool read_piece();
  [[nodiscard]] bool has_something() const noexcept { return !pieces_.empty() || is_over_; }

  const WakeUp arrival_;
  const WakeUp stop_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::vector<char>> pieces_;
  std::size_t taken_ = 0;  // bytes of the first one
  bool is_over_ = false;
  bool is_stopped_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // last, so that it begins when all else is there
};

}  // namespace accrete
