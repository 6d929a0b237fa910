#include "cli/value_pieces.hpp"

#include <accrete/error.hpp>
#include <algorithm>

#include "base/escape.hpp"

namespace accrete::cli {
namespace {

constexpr std::uint64_t piece_bytes = 1 << 20;

/// How many bytes at the end may be the front part of a UTF-8 character.
std::size_t parted_size(std::string_view bytes) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(3, bytes.size()); ++size) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - size]);
    if (byte >= 0xC0) {
      const std::size_t whole = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
      return size < whole ? size : 0;
    }
    if (byte < 0x80) return 0;
  }
  return 0;
}

}  // namespace

std::string_view ValuePieces::next() {
  piece_.erase(0, given_);
  const std::uint64_t wanted = std::min(left_, piece_bytes);
  if (wanted > 0) {
    const std::string read = store_.get_range(key_, offset_, wanted);
    if (read.size() < wanted) throw ErasedError("the value of " + quoted(key_) + " was erased while it was read");
    offset_ += wanted;
    left_ -= wanted;
    piece_.append(read);
  }
  const bool hold_back = cut_ == Cut::between_characters && left_ > 0;
  given_ = piece_.size() - (hold_back ? parted_size(piece_) : 0);
  return std::string_view{piece_}.substr(0, given_);
}

void write_value(Output& out, const Store& store, std::string_view key, std::uint64_t size) {
  ValuePieces pieces(store, key, size);
  for (std::string_view piece; !(piece = pieces.next()).empty();) out.write(piece);
}

}  // namespace accrete::cli
