#include "typed/value_writer.hpp"

#include <accrete/error.hpp>

#include "typed/piece.hpp"

namespace accrete {

std::string ElementEncoder::encode(std::string_view elements) const {
  const std::size_t element_size = packing_.element_size();
  const std::size_t most = usual_payload_size / type_.size();
  const std::size_t count = elements.size() / element_size;
  const TypeTag tag = type_.tag();
  const std::size_t room_besides = piece_header_size + padded_size(tag.schema.size()) + piece_alignment;
  std::string pieces;
  pieces.reserve(count * type_.size() + (count / most + 1) * room_besides);
  do {
    const std::string_view some = elements.substr(0, most * element_size);
    const std::size_t begin = begin_piece(tag, some.size() / element_size, pieces);
    packing_.pack(some, pieces);
    finish_piece(begin, pieces);
    elements.remove_prefix(some.size());
  } while (!elements.empty());
  return pieces;
}

bool try_begin_value(Store& store, const Entry& entry, AppendOptions options) {
  options.expect_size = 0;
  try {
    store.append_batch({&entry, 1}, options);
    return true;
  } catch (const SizeMismatchError&) {
    return false;
  }
}

}  // namespace accrete
