// Ints and tuples as keys, one to one, and in their order: each is one element of FoundationDB's tuple layer
// (https://github.com/apple/foundationdb/blob/main/design/tuple.md), of these kinds:
//
//   bytes   01, the bytes with FF after each 00, 00
//   str     02, its UTF-8 with FF after each 00, 00
//   tuple   05, its elements, 00
//   int     14 + n, n bytes of the number, the most significant first; of a negative one 14 - n and the number plus
//           256^n - 1; n is as small as possible, and at most 8
#pragma once

#include <string>
#include <string_view>

#include "python.hpp"

namespace accrete::python {

/// Of an int (whatever has __index__) or a tuple of these kinds. Throws PythonErrorSet for other types, and for an int
/// beyond 64 bits.
[[nodiscard]] std::string pack_key(PyObject* object);

/// The other way. Throws PythonErrorSet, with InvalidKeyError, for what is no int or tuple.
[[nodiscard]] Reference unpack_key(std::string_view bytes);

}  // namespace accrete::python
