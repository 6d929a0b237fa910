// Where accrete.partd's File keeps a key: its file's name below the directory. One key has one name, and one name has
// one key; keys that Python holds for equal (3, 3.0, True and numpy's numbers) are one key.
//
//   name       = component *( "/" component )
//   key        : str, number, bytes or another object: one component
//                tuple of two or more: the components of its members
//                another tuple, and one inside a tuple: "%(", its members, "%)"
//   component  : of a str, its UTF-8: A-Z a-z 0-9 - _ . ( ) and space stay, other bytes are %XX; the first byte is %XX,
//                too, where the text is that of a number, or "." or ".."; an empty str is "%e"
//                the first one is never ".lock", whose first byte is %XX then
//                of a whole number its decimal digits, of another one Python's repr
//                of bytes "%b", of another object "%o", and the bytes or type and text, escaped
//   A component of more than max_component bytes is cut into directories, whose names end in "%".
//   The file of a key whose name is that of a directory, since tuples begin with it, is the file "%" in there. While it
//   is being moved there, "%m" stands after the directory's name.
//   A value that is being set is written to the file "%n" of the store's directory, which then takes the key's name.
//
// partd leaves out what it does not keep, so several keys share a file. A name with a "%" in it is none of partd's, and
// one without is the name that partd gives this key.
#pragma once

#include <optional>
#include <string>

#include "python.hpp"

namespace accrete::python {

struct KeyName {
  std::string own;
  /// Partd's, if it is another one and lies within the directory.
  std::optional<std::string> partds;
};

/// Throws PythonErrorSet if the object's own methods do.
[[nodiscard]] KeyName name_of_key(PyObject* key);

}  // namespace accrete::python
