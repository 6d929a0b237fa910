#include "net/part_encoder.hpp"

#include <algorithm>
#include <utility>

#include "net/protocol.hpp"

namespace accrete::wire {
namespace {

/// A smaller message would waste memory of the pool, which is of whole parts, for as long as it waits to be sent.
constexpr std::size_t min_pooled = part_bytes / 2;

}  // namespace

PartEncoder::PartEncoder(std::uint64_t request, std::uint64_t size, MessagePool& pool)
    : request_(request), left_(size), pool_(pool) {
  parts_.reserve(static_cast<std::size_t>(size / part_bytes + 1));
  begin_part();
}

void PartEncoder::begin_part() {
  room_ = static_cast<std::size_t>(std::min<std::uint64_t>(left_, part_bytes));
  left_ -= room_;
  message_ = room_ >= min_pooled ? pool_.take() : std::make_shared<std::string>();
  message_->reserve(part_header_size + room_);
  wire::begin_part(request_, static_cast<std::uint32_t>(parts_.size()), left_ == 0, *message_);
}

void PartEncoder::end_part() {
  wire::end_part(*message_);
  parts_.push_back(std::move(message_));
}

void PartEncoder::add(std::string_view bytes) {
  while (!bytes.empty()) {
    if (room_ == 0) {
      end_part();
      begin_part();
    }
    const std::string_view piece = bytes.substr(0, room_);
    *message_ += piece;
    room_ -= piece.size();
    bytes.remove_prefix(piece.size());
  }
}

std::vector<SharedMessage> PartEncoder::end() {
  end_part();
  return std::move(parts_);
}

std::vector<SharedMessage> encode_parts(std::uint64_t request, std::string_view result, MessagePool& pool) {
  PartEncoder parts(request, result.size(), pool);
  parts.add(result);
  return parts.end();
}

}  // namespace accrete::wire
