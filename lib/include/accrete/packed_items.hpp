// Values that are MessagePack: their items as bytes, one at a time, whatever type they have. accrete/packed.hpp makes
// C++ objects of them.
//
//   value = *item
//   item  = one object of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md)
//
// Nothing of accrete stands before, between or after the items, so that the streaming unpackers of all languages read
// a value, and two encoded pieces one after the other are the encoding of all their items. It also means that there is
// no checksum: a byte that a disk has changed is noticed where the structure or the type no longer fits, and otherwise
// reads as another item. So it is where a power loss leaves a part of an item that was not synced: the items that are
// appended after it are taken for the rest of it. Over `compressed` a value has checksums, and both are errors.
#pragma once

#include <accrete/error.hpp>
#include <accrete/export.hpp>
#include <accrete/store.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace accrete {

/// What an item may be at most. An item beyond it is TooLargeError, when it is appended and when it is read, before
/// memory is taken for it.
struct PackedLimits {
  std::size_t depth = 64;                               ///< arrays and maps in each other; 1 to 1024
  std::uint64_t elements = std::uint64_t{1} << 22;      ///< of an array, and pairs of a map
  std::uint64_t string_bytes = std::uint64_t{1} << 26;  ///< of a string, binary or extension
  std::uint64_t item_bytes = std::uint64_t{1} << 26;    ///< of an item as it is stored
  /// In an item, itself and the keys of maps included. Packed<T> takes 24 bytes for each while it reads the item.
  std::uint64_t objects = std::uint64_t{1} << 22;
};

/// Goes through the items of a value, as bytes. For one thread at a time.
///
/// Bytes that are no MessagePack, an item that is cut, and lengths that the rest of the value cannot hold are
/// CorruptionError. Each error names the key, the item's number from 1 on, and the byte of the value.
///
/// A value of 256 KiB and more is read in several steps. Where it is erased between two of them, the next one throws
/// ErasedError; the items before it are those that were there.
class ACCRETE_API PackedItems {
 public:
  /// The value as it is now: what is appended later is not seen. Reads it in pieces of the size of the largest item, or
  /// of 256 KiB. `store` is borrowed.
  PackedItems(const Store& store, std::string_view key, const PackedLimits& limits = {});

  /// A value that is there already, and is borrowed. The key is for messages.
  PackedItems(std::string_view value, std::string_view key, const PackedLimits& limits = {});

  PackedItems(PackedItems&&) noexcept;
  PackedItems& operator=(PackedItems&&) noexcept;
  ~PackedItems();

  /// The next item, valid until the next call; empty after the last.
  [[nodiscard]] std::string_view next();

  /// Of the item that next() has returned: how many there were up to it.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  /// Of that item: how many objects it consists of, itself and the keys of maps included.
  [[nodiscard]] std::uint64_t objects() const noexcept { return objects_; }

  [[nodiscard]] const std::string& key() const noexcept { return key_; }

 private:
  class Reading;

  void fill(std::uint64_t needed);
  [[nodiscard]] std::string_view window() const noexcept { return reading_ ? std::string_view(read_) : given_; }
  [[nodiscard]] std::string action() const;
  [[noreturn]] void throw_erased() const;

  std::string key_;
  PackedLimits limits_;
  std::unique_ptr<Reading> reading_;  // in which the value is read, if it is not given
  std::uint64_t size_ = 0;            // of the value
  std::uint64_t begin_ = 0;           // of the window, in the value
  std::string read_;                  // the window, if it is not given
  std::string_view given_;
  std::size_t at_ = 0;  // after the items so far, in the window
  std::uint64_t number_ = 0;
  std::uint64_t objects_ = 0;
};

}  // namespace accrete
