#include "server/tasks.hpp"

namespace accrete::server {

std::uint64_t AppendTask::held_bytes() const noexcept {
  const auto* const append = std::get_if<wire::Append>(&action);
  return message.bytes().size() + (append ? append->entries.capacity() * sizeof(Entry) : 0);
}

std::uint64_t RequestTask::held_bytes() const noexcept {
  const auto bytes_of = [](const std::vector<std::string_view>& keys) {
    return keys.capacity() * sizeof(std::string_view);
  };
  std::uint64_t bytes = message.bytes().size();
  if (const auto* get = std::get_if<wire::Get>(&request.body)) bytes += bytes_of(get->keys);
  if (const auto* locate = std::get_if<wire::Locate>(&request.body)) bytes += bytes_of(locate->keys);
  return bytes;
}

}  // namespace accrete::server
