// Whether what is packed is one object of MessagePack, told while it is packed. Part of accrete/packed.hpp; not to be
// included directly.
#pragma once

#include <accrete/packed_forms.hpp>
#include <cstddef>
#include <cstdint>

namespace accrete::packed_detail {

/// Of one item, as msgpack-cxx packs it: each head at once, and each body. Of an item in other pieces it does not say
/// that it is whole, though it may be.
class Outline {
 public:
  /// Of the next head or body.
  void add(const char* bytes, std::size_t size) noexcept {
    if (body_bytes_ > 0) {
      if (size != body_bytes_) is_usual_ = false;
      body_bytes_ = 0;
    } else {
      add_head(bytes, size);
    }
  }

  [[nodiscard]] bool is_whole() const noexcept { return is_usual_ && objects_lacking_ == 0 && body_bytes_ == 0; }

  /// How many arrays and maps there are.
  [[nodiscard]] std::size_t containers() const noexcept { return containers_; }

 private:
  void add_head(const char* bytes, std::size_t size) noexcept {
    const PackedForm form = packed_form(static_cast<unsigned char>(*bytes));
    const std::size_t head_bytes = (form.kind == PackedKind::extension ? 2U : 1U) + form.number_bytes;
    if (objects_lacking_ == 0 || size != head_bytes || form.kind == PackedKind::invalid) is_usual_ = false;
    --objects_lacking_;
    if (form.kind < PackedKind::string || !is_usual_) return;
    std::uint64_t number = form.number;
    for (std::size_t i = 1; i <= form.number_bytes; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
    if (form.kind < PackedKind::array) {
      body_bytes_ = number;
    } else {
      objects_lacking_ += form.kind == PackedKind::map ? 2 * number : number;
      ++containers_;
    }
  }

  bool is_usual_ = true;
  std::uint64_t objects_lacking_ = 1;
  std::uint64_t body_bytes_ = 0;  // that the last head declares
  std::size_t containers_ = 0;
};

}  // namespace accrete::packed_detail
