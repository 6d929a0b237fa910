// Small appends gathered by key, to go as one message.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/key_index.hpp"

namespace accrete {

/// Entries are grouped by key here: the server then looks for a key once a message.
///
/// Bytes are copied one after the other as they come, whatever their key, and a chain of pieces leads through those of
/// a key: an append touches the end of one buffer and its key's group, and allocates nothing once the buffers have
/// grown. The message then has each key once, with all its bytes.
class GatheredBatch {
 public:
  /// Bytes that a batch may have in all, so that offsets fit 32 bits.
  static constexpr std::uint64_t max_bytes = std::uint64_t{1} << 30;

  [[nodiscard]] bool empty() const noexcept { return groups_.empty(); }
  /// Bytes of the message.
  [[nodiscard]] std::uint64_t message_size() const noexcept { return message_size_; }

  /// All of them, or none if memory is out. Keeps to max_bytes only if the caller does.
  void add(std::span<const Entry> entries);

  /// Makes the message of `message`, which is empty; `sequence` stands in it.
  void encode(std::uint64_t sequence, std::string& message) const;

  /// Keeps the memory for a next batch, but for what is more than `keep_bytes`.
  void clear(std::size_t keep_bytes);

 private:
  static constexpr std::uint32_t none = 0xFFFF'FFFF;

  struct Piece {
    std::uint32_t offset;
    std::uint32_t size;
    std::uint32_t next;
  };
  struct Group {
    std::uint64_t hash;
    std::uint32_t key_offset;
    std::uint32_t key_size;
    std::uint32_t first;  // piece
    std::uint32_t last;   // piece
    std::uint32_t bytes;  // of all its pieces
  };

  [[nodiscard]] std::string_view bytes_at(std::uint32_t offset, std::uint32_t size) const noexcept {
    return {bytes_.data() + offset, size};
  }
  void make_room(std::span<const Entry> entries);
  void add_one(const Entry& entry) noexcept;
  Group& group_of(std::string_view key) noexcept;

  std::string bytes_;  // keys and pieces, in the order in which they came
  std::vector<Piece> pieces_;
  std::vector<Group> groups_;
  KeyIndex index_;  // of groups_
  std::uint64_t message_size_ = 0;
};

}  // namespace accrete
