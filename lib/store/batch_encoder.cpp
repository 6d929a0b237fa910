#include "store/batch_encoder.hpp"

namespace accrete {

std::span<const Entry> BatchEncoder::encode(std::span<const Entry> entries) {
  bytes_.clear();
  ends_.clear();
  for (const Entry& entry : entries) {
    encoder_.append_frames(entry.bytes, bytes_);
    ends_.push_back(bytes_.size());
  }
  entries_.clear();
  const std::string_view all = bytes_;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries_.push_back({.key = entries[i].key, .bytes = all.substr(begin, ends_[i] - begin)});
    begin = ends_[i];
  }
  return entries_;
}

}  // namespace accrete
