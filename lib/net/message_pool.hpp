// Memory for messages that is used again: freed and allocated anew, the system would take back and clear each page of
// it.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace accrete {

/// Shared with ZeroMQ while it is on its way.
using SharedMessage = std::shared_ptr<const std::string>;

class MessagePool : public std::enable_shared_from_this<MessagePool> {
 public:
  /// Keeps up to `keep_bytes` of memory that no message uses.
  [[nodiscard]] static std::shared_ptr<MessagePool> make(std::size_t keep_bytes);

  /// Empty, usually with memory. When the last holder lets go of it, on any thread, its memory is for the next.
  [[nodiscard]] std::shared_ptr<std::string> take();

 private:
  explicit MessagePool(std::size_t keep_bytes) noexcept : keep_bytes_(keep_bytes) {}
  [[nodiscard]] std::string take_spare();
  void give_back(std::string&& message) noexcept;

  const std::size_t keep_bytes_;
  std::mutex mutex_;  // guards all below
  std::vector<std::string> spare_;
  std::size_t spare_bytes_ = 0;
};

}  // namespace accrete
