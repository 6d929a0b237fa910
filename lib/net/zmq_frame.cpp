#include "net/zmq_frame.hpp"

namespace accrete {
namespace {

void release_message(void*, void* holder) { delete static_cast<SharedMessage*>(holder); }

}  // namespace

zmq::message_t make_frame(const SharedMessage& message) {
  auto holder = std::make_unique<SharedMessage>(message);
  // ZeroMQ asks for bytes that may be written, and writes none.
  zmq::message_t frame(const_cast<char*>(message->data()), message->size(), &release_message, holder.get());
  (void)holder.release();
  return frame;
}

}  // namespace accrete
