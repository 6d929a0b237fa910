#include "typed/value_writer.hpp"

#include <accrete/error.hpp>

#include "base/escape.hpp"
#include "typed/piece.hpp"

namespace accrete {

std::size_t ElementEncoder::encoded_size(const Entry& entry) const noexcept {
  const std::size_t max_count = usual_payload_size / type_.size();
  const std::size_t count = entry.bytes.size() / packing_.element_size();
  const std::size_t room_besides = piece_header_size + padded_size(type_.tag().schema.size()) + piece_alignment;
  return count * type_.size() + (count / max_count + 1) * room_besides;
}

std::string ElementEncoder::encode(const Entry& entry) const {
  std::string pieces;
  pieces.reserve(encoded_size(entry));
  encode(entry, pieces);
  return pieces;
}

void ElementEncoder::encode(const Entry& entry, std::string& pieces) const {
  std::string_view elements = entry.bytes;
  const std::size_t element_size = packing_.element_size();
  const std::size_t max_count = usual_payload_size / type_.size();
  const TypeTag tag = type_.tag();
  do {
    const std::string_view some = elements.substr(0, max_count * element_size);
    const std::size_t begin = begin_piece(tag, some.size() / element_size, pieces);
    const std::size_t payload_begin = pieces.size();
    packing_.pack(some, pieces);
    if (!has_only_bools(type_, std::string_view(pieces).substr(payload_begin))) {
      throw InvalidArgumentError("cannot append to key " + quoted(entry.key) + ": a bool is neither 0 nor 1 in memory");
    }
    finish_piece(begin, pieces);
    elements.remove_prefix(some.size());
  } while (!elements.empty());
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
