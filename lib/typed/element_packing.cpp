#include "typed/element_packing.hpp"

#include <cstring>

#include "base/bytes.hpp"
#include "typed/element_type.hpp"

namespace accrete {
namespace {

/// One number of each element; which side is little-endian makes no difference.
template <std::unsigned_integral Word>
void copy_words(const std::byte* from, std::size_t from_step, std::byte* to, std::size_t to_step, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, from + i * from_step, sizeof word);
    word = to_little_endian(word);
    std::memcpy(to + i * to_step, &word, sizeof word);
  }
}

void copy_components(std::size_t size, const std::byte* from, std::size_t from_step, std::byte* to, std::size_t to_step,
                     std::size_t count) {
  if (size == 1) return copy_words<std::uint8_t>(from, from_step, to, to_step, count);
  if (size == 2) return copy_words<std::uint16_t>(from, from_step, to, to_step, count);
  if (size == 4) return copy_words<std::uint32_t>(from, from_step, to, to_step, count);
  copy_words<std::uint64_t>(from, from_step, to, to_step, count);
}

}  // namespace

ElementPacking::ElementPacking(const detail::ElementLayout& layout) : element_size_(layout.size) {
  for (const detail::FieldLayout& field : layout.fields) {
    const std::size_t size = component_size_of(field.type);
    for (std::size_t part = 0; part < size_of(field.type); part += size) {
      components_.push_back({.size = size, .offset = field.offset + part, .packed_offset = packed_size_});
      is_plain_ = is_plain_ && field.offset + part == packed_size_;
      packed_size_ += size;
    }
  }
  is_plain_ = is_plain_ && packed_size_ == element_size_ && std::endian::native == std::endian::little;
}

void ElementPacking::pack(std::string_view elements, std::string& to) const {
  if (is_plain_) {
    to += elements;
    return;
  }
  if (elements.empty()) return;
  const std::size_t count = elements.size() / element_size_;
  const std::size_t begin = to.size();
  to.resize(begin + count * packed_size_);
  const std::byte* const from = as_byte_span(elements).data();
  std::byte* const packed = std::as_writable_bytes(std::span{to}).subspan(begin).data();
  for (const Component& component : components_) {
    copy_components(component.size, from + component.offset, element_size_, packed + component.packed_offset,
                    packed_size_, count);
  }
}

void ElementPacking::unpack(std::string_view packed, std::span<std::byte> elements) const {
  if (packed.empty()) return;
  if (is_plain_) {
    std::memmove(elements.data(), packed.data(), packed.size());
    return;
  }
  const std::size_t count = packed.size() / packed_size_;
  const std::byte* const from = as_byte_span(packed).data();
  for (const Component& component : components_) {
    copy_components(component.size, from + component.packed_offset, packed_size_, elements.data() + component.offset,
                    element_size_, count);
  }
}

}  // namespace accrete
