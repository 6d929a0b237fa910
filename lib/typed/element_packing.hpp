// Elements as they lie in memory to elements as they are stored, and back.
#pragma once

#include <accrete/numeric.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace accrete {

class ElementPacking {
 public:
  explicit ElementPacking(const detail::ElementLayout& layout);

  /// Appends elements as they are stored.
  void pack(std::string_view elements, std::string& to) const;
  /// Both hold the same number of elements, and overlap only if these are plain. Bytes of `elements` that belong to no
  /// field stay as they are.
  void unpack(std::string_view packed, std::span<std::byte> elements) const;

  /// Of an element in memory, bytes.
  [[nodiscard]] std::size_t element_size() const noexcept { return element_size_; }
  /// Of a stored element, bytes.
  [[nodiscard]] std::size_t packed_size() const noexcept { return packed_size_; }
  /// The bytes are the same in memory and as stored.
  [[nodiscard]] bool is_plain() const noexcept { return is_plain_; }

 private:
  struct Component {
    std::size_t size;
    std::size_t offset;         // in memory
    std::size_t packed_offset;  // as stored
  };

  std::size_t element_size_;
  std::size_t packed_size_ = 0;
  std::vector<Component> components_;
  bool is_plain_ = true;
};

}  // namespace accrete
