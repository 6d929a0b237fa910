// Reads the pieces of a value, a window of some of them at a time, and verifies them.
#pragma once

#include <accrete/store.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "typed/piece.hpp"

namespace accrete {

/// Two modes: over a store, it holds a window of the value and reads on; of a value that was read before, it holds all
/// of it, and goes on by as much at a time.
///
/// What is read over a store in several steps may be of two values, if the value is erased meanwhile. That shows at the
/// latest after the last piece: if anything was removed, the headers of all pieces, which hold the checksums of what
/// they head, have to be there still.
class ValueReader {
 public:
  /// Reads the value as it is at the first call of `next`. `type`: what it must hold; nullopt: anything.
  ValueReader(const Store& store, std::string_view key, std::optional<ElementType> type)
      : store_(&store), key_(key), type_(std::move(type)) {}
  /// A value that was read before.
  ValueReader(std::string value, std::string_view key, std::optional<ElementType> type)
      : key_(key), type_(std::move(type)), memory_(std::move(value)), window_(memory_), end_(window_.size()) {}
  ValueReader(const ValueReader&) = delete;
  ValueReader& operator=(const ValueReader&) = delete;

  /// Goes on to the next pieces that have elements, and returns how many these are; 0 after the last. Pieces before
  /// one that is at fault are gone on to before the call that throws. Throws CorruptionError, TypeMismatchError, and
  /// ErasedError if the value was erased meanwhile, or others erase too often to tell.
  ///
  /// The window is read into `room` if it fits there, and the payloads are then in it.
  [[nodiscard]] std::size_t next(std::span<char> room = {});

  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  /// Of the pieces that `next` has gone on to, valid until it is called again.
  [[nodiscard]] const std::vector<std::string_view>& payloads() const noexcept { return payloads_; }
  /// What the value holds; nullopt as long as nothing tells.
  [[nodiscard]] const std::optional<ElementType>& type() const noexcept { return type_; }
  /// For how many elements to reserve memory: those of the whole value and a few more, if the rest of it is much like
  /// what was read last.
  [[nodiscard]] std::size_t capacity() const noexcept;
  /// Bytes of the next window, but for the last one.
  [[nodiscard]] std::size_t window_size() const noexcept { return wanted_; }

 private:
  [[nodiscard]] bool try_read_window(std::span<char> room);
  void read_first_window();
  void check_still_there();
  void find_pieces();
  [[nodiscard]] bool try_find_piece(std::string_view left);
  void add_piece(const PieceHeader& header, std::string_view bytes, const PiecePlace& place);

  const Store* store_ = nullptr;  // nullptr: the value is in window_
  std::string key_;
  std::optional<ElementType> type_;
  std::string memory_;
  std::string_view window_;  // in memory_, or in the room of a caller
  std::uint64_t window_begin_ = 0;
  std::uint64_t offset_ = 0;  // of the first piece that was not gone on to
  std::optional<std::uint64_t> end_;
  std::optional<std::uint64_t> removals_;  // of the store, while what is read in several steps may be of two values
  std::uint64_t fingerprint_ = 0;          // of the headers before offset_, since removals_ is known
  std::size_t wanted_ = usual_payload_size + max_piece_front_size;
  std::size_t count_ = 0;
  std::uint64_t counted_bytes_ = 0;
  std::vector<std::string_view> payloads_;
};

struct ValueCount {
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
};

/// By the headers of the pieces alone, as they are at one moment; nullopt for a missing key. Throws as
/// ValueReader::next does, but for ErasedError.
[[nodiscard]] std::optional<ValueCount> count_elements(const Store& store, std::string_view key,
                                                       const ElementType& type);

/// Throws TypeMismatchError or CorruptionError if the value does not begin with a piece of `type`. False: the value has
/// no bytes, or the key is missing.
[[nodiscard]] bool begins_with(const Store& store, std::string_view key, const ElementType& type);

}  // namespace accrete
