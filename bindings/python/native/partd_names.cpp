#include "partd_names.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "base/hex.hpp"

namespace accrete::python {
namespace {

constexpr std::size_t max_file_name = 255;
constexpr std::size_t max_component = 240;  // of those bytes, one is the cut's mark

bool stays(char byte) noexcept {
  const auto c = static_cast<unsigned char>(byte);
  return c < 0x80 && (std::isalnum(c) != 0 || std::string_view("-_.() ").find(byte) != std::string_view::npos);
}

void append_escaped(std::string& to, std::string_view text) {
  for (const char byte : text) {
    if (stays(byte)) {
      to += byte;
    } else {
      to += '%';
      append_hex(to, byte, upper_hex_digits);
    }
  }
}

Reference encoded(PyObject* text) { return Reference::own(PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass")); }

std::string_view view_of(PyObject* bytes) noexcept {
  return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

std::string text_of(PyObject* object) {
  const Reference text = Reference::own(PyObject_Str(object));
  return std::string(view_of(encoded(text.get()).get()));
}

std::string text_of_double(double value) {
  char* const text = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, nullptr);
  if (!text) throw PythonErrorSet{};
  std::string result(text);
  PyMem_Free(text);
  return result;
}

bool is_whole(std::string_view text) noexcept {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return c >= '0' && c <= '9'; });
}

/// Whether it is the component of a number.
bool is_text_of_number(const std::string& text) {
  if (text.empty() || text.size() > max_component) return false;
  if (is_whole(text)) return text == "0" || text[text[0] == '-' ? 1 : 0] != '0';
  if (std::isalpha(static_cast<unsigned char>(text.back())) != 0)
    return text == "nan" || text == "inf" || text == "-inf";
  if (!text.starts_with('-') && std::isdigit(static_cast<unsigned char>(text[0])) == 0) return false;
  char* end = nullptr;
  const double value = PyOS_string_to_double(text.c_str(), &end, nullptr);
  if (PyErr_Occurred()) {
    PyErr_Clear();
    return false;
  }
  return *end == '\0' && value != std::floor(value) && text_of_double(value) == text;
}

class Naming {
 public:
  explicit Naming(PyObject* key) {
    if (PyTuple_Check(key)) {
      add_tuple(key, PyTuple_GET_SIZE(key) < 2);
    } else {
      add_one(key);
    }
    if (name_.own == ".lock" || name_.own.starts_with(".lock/")) name_.own.replace(0, 1, "%2E");
    if (has_other_name_ || name_.own.find('%') != std::string::npos) find_partds(key);
  }

  [[nodiscard]] KeyName take() && noexcept { return std::move(name_); }

 private:
  void add_tuple(PyObject* tuple, bool is_marked) {
    if (is_marked) add("%(");
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
      PyObject* const member = PyTuple_GET_ITEM(tuple, i);
      if (PyTuple_Check(member)) {
        add_tuple(member, true);
      } else {
        add_one(member);
      }
    }
    if (is_marked) add("%)");
  }

  void add_one(PyObject* key) {
    if (PyUnicode_Check(key)) return add_text(std::string(view_of(encoded(key).get())));
    if (PyLong_CheckExact(key)) return add(text_of(key));
    has_other_name_ = true;
    if (PyBytes_Check(key)) return add_marked("%b", view_of(key));
    if (PyFloat_Check(key)) return add_number(PyFloat_AS_DOUBLE(key));
    if (PyIndex_Check(key)) return add_whole(Reference::own(PyNumber_Index(key)));
    if (const std::optional<double> value = equal_number(key)) return add_number(*value);
    add_marked("%o", std::string(Py_TYPE(key)->tp_name) + " " + text_of(key));
  }

  void add_text(const std::string& text) {
    if (text.empty()) return add("%e");
    std::string component;
    std::string_view rest = text;
    if (text == "." || text == ".." || is_text_of_number(text)) {
      component += '%';
      append_hex(component, text[0], upper_hex_digits);
      rest.remove_prefix(1);
    }
    append_escaped(component, rest);
    add(component);
  }

  void add_marked(std::string_view mark, std::string_view bytes) {
    std::string component(mark);
    append_escaped(component, bytes);
    add(component);
  }

  void add_whole(const Reference& number) {
    // A bool's text is not that of the number which it equals.
    add(text_of(Reference::own(PyNumber_Long(number.get())).get()));
  }

  void add_number(double value) {
    if (std::isfinite(value) && value == std::floor(value)) return add_whole(Reference::own(PyLong_FromDouble(value)));
    std::string component;
    append_escaped(component, text_of_double(value));
    add(component);
  }

  /// Of an object that is a number and no integer by its type.
  static std::optional<double> equal_number(PyObject* key) {
    if (!PyNumber_Check(key)) return std::nullopt;
    const double value = PyFloat_AsDouble(key);
    if (value == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      return std::nullopt;
    }
    const Reference same = Reference::own(PyFloat_FromDouble(value));
    const int is_equal = PyObject_RichCompareBool(key, same.get(), Py_EQ);
    if (is_equal < 0) throw PythonErrorSet{};
    return is_equal != 0 || std::isnan(value) ? std::optional(value) : std::nullopt;
  }

  void add(std::string_view component) {
    if (!name_.own.empty()) name_.own += '/';
    while (component.size() > max_component) {
      name_.own += component.substr(0, max_component);
      name_.own += "%/";
      component.remove_prefix(max_component);
    }
    name_.own += component;
  }

  void find_partds(PyObject* key) {
    std::string text;
    add_as_partd(key, text);
    std::erase_if(text, [](char byte) { return byte != '/' && !stays(byte); });
    if (text != name_.own && is_inside(text)) name_.partds = std::move(text);
  }

  static void add_as_partd(PyObject* key, std::string& path) {
    if (PyTuple_Check(key)) {
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); ++i) add_as_partd(PyTuple_GET_ITEM(key, i), path);
      return;
    }
    const std::string text = text_of(key);
    if (text.starts_with('/')) path.clear();
    if (!path.empty() && !path.ends_with('/')) path += '/';
    path += text;
  }

  static bool is_inside(std::string_view path) {
    if (path == ".lock") return false;
    for (;;) {
      const std::size_t slash = path.find('/');
      const std::string_view component = path.substr(0, slash);
      if (component.empty() || component == "." || component == ".." || component.size() > max_file_name) return false;
      if (slash == std::string_view::npos) return true;
      path.remove_prefix(slash + 1);
    }
  }

  KeyName name_;
  bool has_other_name_ = false;
};

}  // namespace

KeyName name_of_key(PyObject* key) { return Naming(key).take(); }

}  // namespace accrete::python
