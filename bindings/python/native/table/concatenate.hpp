// Arrays one after the other, as one.
#pragma once

#include <span>

#include "field.hpp"

namespace accrete::python {

/// Each buffer is allocated once and filled by one copy for each array. Arrays have no offset, as PieceReader gives
/// them. Dictionaries that differ become one: then the values are in the order in which they are first met. 32-bit
/// offsets and dictionary indexes become wider where they do not suffice. Throws TypeMismatchError for ordered
/// dictionaries that differ, and InterruptedError.
[[nodiscard]] Column concatenate(const Field& field, std::span<const Array* const> arrays);

/// An array and what it is.
struct Typed {
  const Field& field;
  const Array& array;
};

/// In the same order. False for those that hold dictionaries.
[[nodiscard]] bool have_equal_values(Typed one, Typed other);

}  // namespace accrete::python
