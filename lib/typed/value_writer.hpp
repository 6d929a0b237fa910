// Elements to the pieces that are appended to a value, and what decides a value's type when several begin it.
#pragma once

#include <accrete/numeric.hpp>
#include <accrete/store.hpp>
#include <string>
#include <string_view>

#include "typed/element_packing.hpp"
#include "typed/element_type.hpp"

namespace accrete {

class ElementEncoder {
 public:
  explicit ElementEncoder(const detail::ElementLayout& layout) : type_(layout), packing_(layout) {}

  [[nodiscard]] const ElementType& type() const noexcept { return type_; }

  /// The bytes of `entry` are elements as they lie in memory; none become a piece that records their type. Throws
  /// InvalidArgumentError if a bool is neither 0 nor 1.
  [[nodiscard]] std::string encode(const Entry& entry) const;

  /// As above, after what `pieces` holds.
  void encode(const Entry& entry, std::string& pieces) const;

  /// Bytes that `encode` makes of the entry, or a few more.
  [[nodiscard]] std::size_t encoded_size(const Entry& entry) const noexcept;

 private:
  ElementType type_;
  ElementPacking packing_;
};

/// Appends unless the key has been appended to: then false, and nothing was done. Of several at once, one succeeds.
[[nodiscard]] bool try_begin_value(Store& store, const Entry& entry, AppendOptions options);

}  // namespace accrete
