// Reads a value in pieces, so that one of any size goes through little memory.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/output.hpp"

namespace accrete::cli {

class ValuePieces {
 public:
  enum class Cut { anywhere, between_characters };

  /// The first `size` bytes of the value. Cut::between_characters never parts a UTF-8 character.
  ValuePieces(const Store& store, std::string_view key, std::uint64_t size, Cut cut = Cut::anywhere)
      : store_(store), key_(key), left_(size), cut_(cut) {}

  /// The next piece, valid until the next call; empty after the last. Throws if the value has become shorter.
  [[nodiscard]] std::string_view next();

 private:
  const Store& store_;
  std::string_view key_;
  std::uint64_t offset_ = 0;
  std::uint64_t left_;
  Cut cut_;
  std::string piece_;
  std::size_t given_ = 0;  // bytes of piece_
};

/// Writes the first `size` bytes of a value as they are.
void write_value(Output& out, const Store& store, std::string_view key, std::uint64_t size);

}  // namespace accrete::cli
