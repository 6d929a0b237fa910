#include "store.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "key_packing.hpp"

namespace accrete::python {
namespace {

struct StoreObject {
  PyObject_HEAD;
  std::shared_ptr<Store> store;  // null once it is closed
};

PyTypeObject* store_type = nullptr;

StoreObject& cast(PyObject* self) noexcept { return *reinterpret_cast<StoreObject*>(self); }

/// Positional and named arguments of a call in METH_FASTCALL | METH_KEYWORDS.
class Arguments {
 public:
  Arguments(const char* function, PyObject* const* values, Py_ssize_t positional, PyObject* names)
      : function_(function), values_(values), positional_(positional), names_(names) {}

  /// Throws PythonErrorSet unless there are so many positional ones.
  void expect_positional(Py_ssize_t min, Py_ssize_t max) const {
    if (positional_ >= min && positional_ <= max) return;
    PyErr_Format(PyExc_TypeError, "%s takes %zd to %zd positional arguments, but %zd were given", function_, min, max,
                 positional_);
    throw PythonErrorSet{};
  }

  [[nodiscard]] PyObject* positional(Py_ssize_t number) const noexcept {
    return number < positional_ ? values_[number] : nullptr;
  }

  /// Calls `take(name, value)` for each of the named ones, which returns false for what it does not know.
  template <typename Take>
  void for_each_named(Take take) const {
    const Py_ssize_t count = names_ ? PyTuple_GET_SIZE(names_) : 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* const name = PyTuple_GET_ITEM(names_, i);
      const char* const utf8 = PyUnicode_AsUTF8(name);
      if (!utf8) PyErr_Clear();  // a lone surrogate: none of ours
      if (utf8 && take(std::string_view(utf8), values_[positional_ + i])) continue;
      PyErr_Format(PyExc_TypeError, "%s has no argument %R", function_, name);
      throw PythonErrorSet{};
    }
  }

 private:
  const char* function_;
  PyObject* const* values_;
  Py_ssize_t positional_;
  PyObject* names_;
};

bool truth_of(PyObject* object) {
  const int truth = PyObject_IsTrue(object);
  if (truth < 0) throw PythonErrorSet{};
  return truth != 0;
}

std::optional<std::uint64_t> optional_count_of(PyObject* object) {
  return object == Py_None ? std::nullopt : std::optional(count_of(object));
}

Reference number(std::uint64_t value) { return Reference::own(PyLong_FromUnsignedLongLong(value)); }

Reference optional_number(const std::optional<std::uint64_t>& value) { return value ? number(*value) : none(); }

Reference bytes(std::string_view value) {
  return Reference::own(PyBytes_FromStringAndSize(value.data(), static_cast<Py_ssize_t>(value.size())));
}

AppendOptions append_options_of(const Arguments& arguments) {
  AppendOptions options;
  arguments.for_each_named([&](std::string_view name, PyObject* value) {
    if (name == "sync") {
      options.sync = truth_of(value);
    } else if (name == "expect_size") {
      options.expect_size = optional_count_of(value);
    } else if (name == "id") {
      if (value != Py_None) options.id = batch_id_of(value);
    } else {
      return false;
    }
    return true;
  });
  return options;
}

/// To be run without the GIL.
class AppendCall {
 public:
  AppendCall(Store& store, std::span<const Entry> entries, const AppendOptions& options)
      : store_(store), entries_(entries), options_(options) {}

  void operator()() const { store_.append_batch(entries_, options_); }

  /// By its id the batch is applied once, however often it is sent.
  bool resume(const UnknownOutcomeError& error) {
    options_.id = error.batch();
    return options_.id.has_value();
  }

 private:
  Store& store_;
  std::span<const Entry> entries_;
  AppendOptions options_;
};

PyObject* append(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* names) {
  return guarded([&] {
    const Arguments arguments("append()", values, positional, names);
    arguments.expect_positional(1, 2);
    const AppendOptions options = append_options_of(arguments);
    const StoreInUse store = store_of(self);
    Borrowed borrowed;
    if (PyObject* const value = arguments.positional(1)) {
      const Entry entry{borrowed.key(values[0]), borrowed.bytes(value)};
      without_gil(AppendCall(*store, {&entry, 1}, options));
    } else {
      const std::vector<Entry> entries = borrowed.entries(values[0]);
      without_gil(AppendCall(*store, entries, options));
    }
    return none();
  });
}

/// What is read at first; a value that is smaller is copied once, a larger one is read into the object that is
/// returned.
constexpr std::size_t small_bytes = 32 << 10;

/// How often to read into what is returned while others change it.
constexpr int tries = 3;

/// To be filled.
Reference new_bytes(std::uint64_t size) {
  if (size > static_cast<std::uint64_t>(std::numeric_limits<Py_ssize_t>::max())) {
    throw TooLargeError("a value of " + std::to_string(size) + " bytes does not fit into memory: use reader()");
  }
  return Reference::own(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
}

/// As of one moment; nullopt if it cannot be told whether it is, for somebody erases meanwhile.
std::optional<Reference> try_get_large(const Store& store, std::string_view key) {
  std::uint64_t removals = 0;
  std::uint64_t size = 0;
  without_gil([&] {
    removals = store.removals();
    size = store.size(key).value_or(0);
  });
  Reference value = new_bytes(size);
  const std::span<char> to(PyBytes_AS_STRING(value.get()), size);
  const bool is_whole =
      without_gil([&] { return store.get_range_into(key, 0, to) == size && store.removals() == removals; });
  return is_whole ? std::optional(std::move(value)) : std::nullopt;
}

Reference get_value(const Store& store, std::string_view key) {
  std::array<char, small_bytes> front;  // NOLINT(cppcoreguidelines-pro-type-member-init): it is read into
  const std::size_t size = without_gil([&] { return store.get_range_into(key, 0, front); });
  if (size < front.size()) return bytes({front.data(), size});
  for (int i = 0; i < tries; ++i) {
    if (std::optional<Reference> value = try_get_large(store, key)) return std::move(*value);
  }
  return bytes(without_gil([&] { return store.get(key); }));
}

/// From this size on, on average, it pays to ask for sizes first rather than to copy values.
constexpr std::uint64_t large_bytes = 1 << 20;

std::vector<std::uint64_t> sizes_of(const Store& store, std::span<const std::string_view> keys) {
  std::vector<std::uint64_t> sizes;
  sizes.reserve(keys.size());
  for (const std::string_view key : keys) sizes.push_back(store.size(key).value_or(0));
  return sizes;
}

/// Of the first ones, since to ask for all is too much for small ones.
bool are_large(const Store& store, std::span<const std::string_view> keys) {
  const std::vector<std::uint64_t> sizes = sizes_of(store, keys.first(std::min<std::size_t>(keys.size(), 4)));
  return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0}) >=
         large_bytes * std::max<std::size_t>(sizes.size(), 1);
}

/// As of one moment; nullopt if it cannot be told whether they are. Values only grow between two moments with the same
/// removals: those that have the same sizes in both stay the same between them.
std::optional<Reference> try_get_large(const Store& store, std::span<const std::string_view> keys) {
  std::uint64_t removals = 0;
  std::vector<std::uint64_t> sizes;
  without_gil([&] {
    removals = store.removals();
    sizes = sizes_of(store, keys);
  });
  Reference values = Reference::own(PyList_New(static_cast<Py_ssize_t>(sizes.size())));
  std::vector<std::span<char>> rooms;
  rooms.reserve(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    Reference value = new_bytes(sizes[i]);
    rooms.emplace_back(PyBytes_AS_STRING(value.get()), sizes[i]);
    PyList_SET_ITEM(values.get(), static_cast<Py_ssize_t>(i), value.release());
  }
  const bool is_whole = without_gil([&] {
    if (sizes_of(store, keys) != sizes) return false;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (store.get_range_into(keys[i], 0, rooms[i]) != sizes[i]) return false;
    }
    return store.removals() == removals;
  });
  return is_whole ? std::optional(std::move(values)) : std::nullopt;
}

Reference get_values(const Store& store, PyObject* list) {
  Borrowed borrowed;
  const std::vector<std::string_view> keys = borrowed.keys(list);
  if (without_gil([&] { return are_large(store, keys); })) {
    for (int i = 0; i < tries; ++i) {
      if (std::optional<Reference> values = try_get_large(store, keys)) return std::move(*values);
    }
  }
  std::vector<std::string> values = without_gil([&] { return store.get_batch(keys); });
  Reference result = Reference::own(PyList_New(static_cast<Py_ssize_t>(values.size())));
  for (std::size_t i = 0; i < values.size(); ++i) {
    PyList_SET_ITEM(result.get(), static_cast<Py_ssize_t>(i), bytes(values[i]).release());
    values[i] = {};
  }
  return result;
}

PyObject* get(PyObject* self, PyObject* key) {
  return guarded([&] {
    const StoreInUse store = store_of(self);
    if (PyList_Check(key)) return get_values(*store, key);
    std::string packed;
    return get_value(*store, key_bytes(key, packed));
  });
}

PyObject* get_into(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* names) {
  return guarded([&] {
    const Arguments arguments("get_into()", values, positional, names);
    arguments.expect_positional(2, 3);
    std::uint64_t offset = positional > 2 ? count_of(values[2]) : 0;
    arguments.for_each_named([&](std::string_view name, PyObject* value) {
      if (name != "offset") return false;
      offset = count_of(value);
      return true;
    });
    const StoreInUse store = store_of(self);
    std::string packed;
    const std::string_view key = key_bytes(values[0], packed);
    const WritableBuffer to(values[1]);
    return number(without_gil([&] { return store->get_range_into(key, offset, to.bytes()); }));
  });
}

PyObject* size(PyObject* self, PyObject* key) {
  return guarded([&] {
    const StoreInUse store = store_of(self);
    std::string packed;
    const std::string_view bytes = key_bytes(key, packed);
    return optional_number(without_gil([&] { return store->size(bytes); }));
  });
}

PyObject* erase(PyObject* self, PyObject* key) {
  return guarded([&] {
    const StoreInUse store = store_of(self);
    std::string packed;
    const std::string_view bytes = key_bytes(key, packed);
    without_gil([&] { store->erase(bytes); });
    return none();
  });
}

/// _list(prefix, after, limit): the keys and sizes, as pairs.
PyObject* list(PyObject* self, PyObject* const* values, Py_ssize_t positional) {
  return guarded([&] {
    Arguments("_list()", values, positional, nullptr).expect_positional(3, 3);
    const StoreInUse store = store_of(self);
    std::string packed_prefix;
    std::string packed_after;
    ListOptions options{.prefix = key_bytes(values[0], packed_prefix)};
    if (values[1] != Py_None) options.after = key_bytes(values[1], packed_after);
    if (values[2] != Py_None) options.limit = count_of(values[2]);
    const std::vector<KeySize> found = without_gil([&] { return store->list(options); });
    Reference result = Reference::own(PyList_New(static_cast<Py_ssize_t>(found.size())));
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Reference key = text(found[i].key);
      const Reference size = number(found[i].size);
      PyList_SET_ITEM(result.get(), static_cast<Py_ssize_t>(i),
                      Reference::own(PyTuple_Pack(2, key.get(), size.get())).release());
    }
    return result;
  });
}

/// _stats(): keys, bytes, stored bytes, buffered bytes, flushes.
PyObject* stats(PyObject* self, PyObject*) {
  return guarded([&] {
    const StoreInUse store = store_of(self);
    const Stats stats = without_gil([&] { return store->stats(); });
    return Reference::own(Py_BuildValue(
        "(KKKKK)", static_cast<unsigned long long>(stats.keys), static_cast<unsigned long long>(stats.bytes),
        static_cast<unsigned long long>(stats.stored_bytes), static_cast<unsigned long long>(stats.buffered_bytes),
        static_cast<unsigned long long>(stats.flushes)));
  });
}

template <void (Store::*Change)()>
PyObject* change(PyObject* self, PyObject*) {
  return guarded([&] {
    const StoreInUse store = store_of(self);
    without_gil([&] { (*store.*Change)(); });
    return none();
  });
}

PyObject* removals(PyObject* self, PyObject*) {
  return guarded([&] {
    const StoreInUse store = store_of(self);
    return number(without_gil([&] { return store->removals(); }));
  });
}

PyObject* last_sequence(PyObject* self, PyObject* writer) {
  return guarded([&] {
    const StoreInUse store = store_of(self);
    const WriterId bytes = writer_of(writer);
    return optional_number(without_gil([&] { return store->last_sequence(bytes); }));
  });
}

std::string_view attribute_name(PyObject* object) {
  if (!PyUnicode_Check(object)) throw_type_error("the name of an attribute is a str, not %s", object);
  Py_ssize_t size = 0;
  const char* const bytes = PyUnicode_AsUTF8AndSize(object, &size);
  if (!bytes) throw PythonErrorSet{};
  return {bytes, static_cast<std::size_t>(size)};
}

PyObject* attribute(PyObject* self, PyObject* name) {
  return guarded([&] {
    const StoreInUse store = store_of(self);
    const std::string text(attribute_name(name));
    const std::optional<std::string> value = without_gil([&] { return store->attribute(text); });
    return value ? bytes(*value) : none();
  });
}

PyObject* attributes(PyObject* self, PyObject*) {
  return guarded([&] {
    const StoreInUse store = store_of(self);
    const std::vector<std::string> names = without_gil([&] { return store->attributes(); });
    Reference result = Reference::own(PyList_New(0));
    for (const std::string& name : names) {
      const Reference item = text(name);
      if (PyList_Append(result.get(), item.get()) != 0) throw PythonErrorSet{};
    }
    return result;
  });
}

PyObject* set_attribute(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* names) {
  return guarded([&] {
    const Arguments arguments("set_attribute()", values, positional, names);
    arguments.expect_positional(2, 2);
    const StoreInUse store = store_of(self);
    Borrowed borrowed;
    AttributeOptions options;
    arguments.for_each_named([&](std::string_view name, PyObject* value) {
      if (name == "expect_none") {
        options.expect_none = truth_of(value);
      } else if (name == "expect_value") {
        if (value != Py_None) options.expect_value = borrowed.bytes(value);
      } else {
        return false;
      }
      return true;
    });
    const std::string name(attribute_name(values[0]));
    std::optional<std::string_view> value;
    if (values[1] != Py_None) value = borrowed.bytes(values[1]);
    const bool is_set = without_gil([&] { return store->set_attribute(name, value, options); });
    return Reference::borrow(is_set ? Py_True : Py_False);
  });
}

PyObject* close(PyObject* self, PyObject*) {
  return guarded([&] {
    const StoreInUse last(std::exchange(cast(self).store, nullptr));
    return none();
  });
}

PyObject* closed(PyObject* self, void*) { return Reference::borrow(cast(self).store ? Py_False : Py_True).release(); }

int contains(PyObject* self, PyObject* key) {
  const Reference found = [&] {
    PyObject* const result = size(self, key);
    return result ? Reference::own(result) : Reference();
  }();
  if (!found.get()) return -1;
  return found.get() == Py_None ? 0 : 1;
}

Py_ssize_t length(PyObject* self) {
  const Reference all = [&] {
    PyObject* const result = stats(self, nullptr);
    return result ? Reference::own(result) : Reference();
  }();
  return all.get() ? PyLong_AsSsize_t(PyTuple_GET_ITEM(all.get(), 0)) : -1;
}

PyObject* make(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* const self = type->tp_alloc(type, 0);
  if (self) new (&cast(self).store) std::shared_ptr<Store>();
  return self;
}

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  { const StoreInUse last(std::exchange(cast(self).store, nullptr)); }
  std::destroy_at(&cast(self).store);
  type->tp_free(self);
  Py_DECREF(type);
}

template <typename Function>
PyCFunction as_method(Function function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

auto methods = std::to_array<PyMethodDef>({
    {"append", as_method(append), METH_FASTCALL | METH_KEYWORDS,
     R"(append($self, entries, bytes=None, /, *, sync=False, expect_size=None, id=None)
--

append(key, bytes) or append({key: bytes, ...}), or of pairs (key, bytes).

Appends each entry to the value of its key, in their order, or none of them. Bytes
are anything that exports a contiguous buffer, which is not copied before. Empty
bytes bring an empty value into being.

sync=True: they survive power loss on return, and so does all before them.
expect_size=N, for one entry: only if the value has N bytes, else SizeMismatchError;
0: only if the key has never been appended to. id=(writer, sequence): only if the
sequence is above all of this writer (16 bytes) that were applied; if not, nothing
happens.)"},
    {"get", get, METH_O, R"(get($self, key_or_keys, /)
--

The whole value of a key, b"" for a missing one; of a list of keys, the list of their
values as they were at one moment.

Raises TooLargeError for a value that does not fit into memory: see reader().)"},
    {"get_into", as_method(get_into), METH_FASTCALL | METH_KEYWORDS, R"(get_into($self, key, buffer, offset=0, /)
--

Read up to len(buffer) bytes of the value from `offset` on to the front of a writable
buffer; how many there were.)"},
    {"size", size, METH_O, R"(size($self, key, /)
--

Bytes in the value; None for a key that was never appended to, or erased since.)"},
    {"erase", erase, METH_O, R"(erase($self, key, /)
--

Remove a key and its value; nothing happens for a missing one.)"},
    {"_list", as_method(list), METH_FASTCALL, R"(_list($self, prefix, after, limit, /)
--

)"},
    {"_stats", stats, METH_NOARGS, R"(_stats($self, /)
--

)"},
    {"flush", change<&Store::flush>, METH_NOARGS, R"(flush($self, /)
--

Hand all bytes down to the operating system: they then survive the death of this process.)"},
    {"sync", change<&Store::sync>, METH_NOARGS, R"(sync($self, /)
--

Have all that was appended before survive power loss.)"},
    {"drop", change<&Store::drop>, METH_NOARGS, R"(drop($self, /)
--

Remove all keys; the dataset stays, with its attributes.)"},
    {"removals", removals, METH_NOARGS, R"(removals($self, /)
--

A number that changes when keys are erased. Where two calls return the same, values
have only grown between them.)"},
    {"last_sequence", last_sequence, METH_O, R"(last_sequence($self, writer, /)
--

The highest sequence that was applied of a writer, 16 bytes; None if there is none.)"},
    {"attribute", attribute, METH_O, R"(attribute($self, name, /)
--

The value of an attribute, which is of the dataset itself and not of a key; None if there is none.)"},
    {"attributes", attributes, METH_NOARGS, R"(attributes($self, /)
--

The names of all attributes, in byte order.)"},
    {"set_attribute", as_method(set_attribute), METH_FASTCALL | METH_KEYWORDS,
     R"(set_attribute($self, name, value, /, *, expect_none=False, expect_value=None)
--

Give an attribute this value (bytes), or remove it (None); it survives power loss.
False, having changed nothing, if it is not what is expected.)"},
    {"close", close, METH_NOARGS, R"(close($self, /)
--

Let go of the dataset. A buffer is flushed; what that loses is said on standard error,
so flush() before. Calls of other threads are finished first. May be called again.)"},
    {},
});

auto properties = std::to_array<PyGetSetDef>({
    {"closed", closed, nullptr, "Whether it was closed.", nullptr},
    {},
});

template <typename Function>
void* as_slot(Function function) noexcept {
  return reinterpret_cast<void*>(function);
}

auto slots = std::to_array<PyType_Slot>({
    {Py_tp_new, as_slot(make)},
    {Py_tp_dealloc, as_slot(destroy)},
    {Py_tp_methods, methods.data()},
    {Py_tp_getset, properties.data()},
    {Py_sq_contains, as_slot(contains)},
    {Py_sq_length, as_slot(length)},
    {},
});

PyType_Spec spec = {
    .name = "accrete._native.Store",
    .basicsize = sizeof(StoreObject),
    .itemsize = 0,
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots.data(),
};

}  // namespace

void add_store_type(PyObject* module) {
  Reference type = Reference::own(PyType_FromSpec(&spec));
  store_type = reinterpret_cast<PyTypeObject*>(type.get());
  if (PyModule_AddObjectRef(module, "Store", type.get()) != 0) throw PythonErrorSet{};
  (void)type.release();  // store_type's
}

void set_store(PyObject* object, std::shared_ptr<Store> store) {
  if (!PyObject_TypeCheck(object, store_type)) throw_type_error("expected an accrete.Store, not %s", object);
  cast(object).store = std::move(store);
}

StoreInUse store_of(PyObject* object) {
  if (!PyObject_TypeCheck(object, store_type)) throw_type_error("expected an accrete.Store, not %s", object);
  if (!cast(object).store) throw InvalidArgumentError("the store is closed");
  return StoreInUse(cast(object).store);
}

}  // namespace accrete::python
