#include "net/call_table.hpp"

#include <algorithm>
#include <utility>

namespace accrete {

Call* CallTable::next_to_send() noexcept {
  const auto at = std::find_if(calls_.begin(), calls_.end(), [](const auto& entry) { return !entry.second->is_sent; });
  return at == calls_.end() ? nullptr : at->second;
}

void CallTable::take_part(std::uint64_t number, const wire::Part& part, zmq::message_t frame) {
  const auto at = calls_.find(number);
  if (at == calls_.end()) return;
  Call& call = *at->second;
  if (call.is_complete || part.index != call.next_part || part.index >= call.credit) {
    throw NetworkError("cannot read a server's reply: part " + std::to_string(part.index) + " came, not part " +
                       std::to_string(call.next_part) + " of up to " + std::to_string(call.credit));
  }
  ++call.next_part;
  call.is_complete = part.last;
  call.parts.push_back(std::move(frame));
}

void CallTable::fail(std::uint64_t number, const wire::ErrorReply& error) {
  const auto at = calls_.find(number);
  if (at != calls_.end()) at->second->error.emplace(error);
}

void CallTable::restart() noexcept {
  for (const auto& [number, call] : calls_) {
    if (!call->is_sent || call->is_complete || call->error) continue;
    call->is_sent = false;
    call->is_restarted = true;
    call->parts.clear();
    call->next_part = 0;
    call->credit = wire::first_parts;
    call->taken = 0;
  }
}

}  // namespace accrete
