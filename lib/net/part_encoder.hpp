// A result as the messages that carry it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/message_pool.hpp"

namespace accrete::wire {

/// Cuts a result into `part` messages while it is made.
class PartEncoder {
 public:
  /// Of the reply to `request`; the result has `size` bytes. Large messages use the memory of the pool, which has to
  /// outlive this.
  PartEncoder(std::uint64_t request, std::uint64_t size, MessagePool& pool);

  void add(std::string_view bytes);
  /// The messages, one for an empty result. All bytes must have been added.
  [[nodiscard]] std::vector<SharedMessage> end();

 private:
  void begin_part();
  void end_part();

  const std::uint64_t request_;
  std::uint64_t left_;  // bytes of the result that are not in a part yet
  MessagePool& pool_;
  std::vector<SharedMessage> parts_{};
  std::shared_ptr<std::string> message_{};  // of the part that is being made
  std::size_t room_ = 0;                    // bytes that it has yet to take
};

/// The messages of a result that is there already.
[[nodiscard]] std::vector<SharedMessage> encode_parts(std::uint64_t request, std::string_view result,
                                                      MessagePool& pool);

}  // namespace accrete::wire
