#include "typed/value_writer.hpp"

#include <accrete/error.hpp>

#include "base/escape.hpp"
#include "typed/piece.hpp"

namespace accrete {

std::string ElementEncoder::encode(const Entry& entry) const {
  std::string_view elements = entry.bytes;
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
    const std::size_t payload_begin = pieces.size();
    packing_.pack(some, pieces);
    if (!has_only_bools(type_, std::string_view(pieces).substr(payload_begin))) {
      throw InvalidArgumentError("cannot append to key " + quoted(entry.key) + ": a bool is neither 0 nor 1 in memory");
    }
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
