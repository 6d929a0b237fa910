#include "net/message_pool.hpp"

#include <exception>
#include <utility>

namespace accrete {

std::shared_ptr<MessagePool> MessagePool::make(std::size_t keep_bytes) {
  return std::shared_ptr<MessagePool>(new MessagePool(keep_bytes));
}

std::string MessagePool::take_spare() {
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) return {};
  std::string message = std::move(spare_.back());
  spare_.pop_back();
  spare_bytes_ -= message.capacity();
  return message;
}

std::shared_ptr<std::string> MessagePool::take() {
  const auto let_go = [pool = shared_from_this()](std::string* unused) {
    pool->give_back(std::move(*unused));
    delete unused;
  };
  return {new std::string(take_spare()), let_go};
}

void MessagePool::give_back(std::string&& message) noexcept {
  message.clear();
  const std::lock_guard lock(mutex_);
  if (spare_bytes_ + message.capacity() > keep_bytes_) return;
  const std::size_t bytes = message.capacity();
  try {
    spare_.push_back(std::move(message));
    spare_bytes_ += bytes;
  } catch (const std::exception&) {
    // It is freed instead.
  }
}

}  // namespace accrete
