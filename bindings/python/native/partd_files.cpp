// The files of accrete.partd's File. A batch is appended to all of its keys' files or to none. Nothing is kept open,
// since callers delete and rewrite key files between two calls.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include "arguments.hpp"
#include "os/env.hpp"
#include "partd.hpp"
#include "partd_names.hpp"
#include "signals.hpp"

namespace accrete::python {
namespace {

/// In `.lock` of a directory that was File's from the beginning: partd, whose lock truncates the file, was never there.
constexpr std::string_view own_mark = "accrete\n";
constexpr std::string_view inside = "/%";
constexpr std::string_view moving = "%m";
constexpr std::string_view beside = "%n";

std::string_view parent_of(std::string_view name) noexcept {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

/// What goes wrong with a file, for Python's own exception.
struct FileError {
  int number;
  std::string path;
};

[[noreturn]] void throw_python_error(const FileError& error) {
  const Reference path = text(error.path);
  errno = error.number;
  PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path.get());
  throw PythonErrorSet{};
}

/// Runs `work` without the GIL; FileError becomes OSError.
template <typename Work>
auto with_files(Work work) {
  std::optional<FileError> error;
  try {
    return without_gil(work);
  } catch (const FileError& thrown) {
    error = thrown;
  }
  throw_python_error(*error);
}

class KeyFiles {
 public:
  explicit KeyFiles(const std::string& path) : directory_(posix_env().try_open_directory(path)), path_(path) {
    if (!directory_) throw FileError{ENOENT, path};
  }

  /// nullptr if the key has none.
  [[nodiscard]] std::unique_ptr<File> find(const KeyName& key, OpenMode mode, std::string& name) {
    name = key.own;
    std::unique_ptr<File> file = try_open(name, mode);
    if (!file && finish_move(name)) file = try_open(name, mode);
    if (file || !key.partds || is_own()) return file;
    std::string partds = *key.partds;
    file = try_open(partds, mode);
    if (file) name = partds;
    return file;
  }

  [[nodiscard]] std::unique_ptr<File> create(std::string& name) {
    return checked(name, [&] {
      make_parents(name);
      if (is_directory(name)) name += inside;
      return directory_->open(name, OpenMode::create_append);
    });
  }

  void remove(const KeyName& key) {
    std::string name;
    while (const std::unique_ptr<File> file = find(key, OpenMode::read, name)) remove(name);
  }

  /// The old value is there until the new one is whole.
  void replace(const KeyName& key, std::string_view value) {
    const std::string fresh(beside);
    std::string name = key.own;
    checked(name, [&] {
      if (directory_->info(fresh)) directory_->remove(fresh);
      try {
        const std::array pieces = {value};
        directory_->open(fresh, OpenMode::create_append)->append(pieces);
      } catch (const IoError&) {
        if (directory_->info(fresh)) directory_->remove(fresh);
        throw;
      }
    });
    if (!find(key, OpenMode::read, name)) {
      name = key.own;
      (void)create(name);
    }
    checked(name, [&] { directory_->rename(fresh, name); });
  }

  void remove(const std::string& name) {
    checked(name, [&] { directory_->remove(name); });
  }

  void sync_names(const std::string& parent) {
    checked(parent, [&] {
      const std::string path = parent.empty() ? path_ : path_ + "/" + parent;
      if (const std::unique_ptr<Directory> opened = posix_env().try_open_directory(path)) opened->sync();
    });
  }

  void sync_all() {
    checked("", [&] { directory_->sync_file_system(); });
  }

  [[nodiscard]] std::string full(const std::string& name) const { return name.empty() ? path_ : path_ + "/" + name; }

  /// Runs `work`, whose errors become the file's.
  template <typename Work>
  std::invoke_result_t<Work> checked(const std::string& name, Work work) const {
    try {
      return work();
    } catch (const IoError& error) {
      throw FileError{error.code().value(), full(name)};
    }
  }

 private:
  /// Also the key's file inside of a directory that has its name.
  [[nodiscard]] std::unique_ptr<File> try_open(std::string& name, OpenMode mode) {
    return checked(name, [&]() -> std::unique_ptr<File> {
      try {
        return directory_->try_open(name, mode);
      } catch (const CorruptionError&) {
        if (is_below_file(name)) return nullptr;
        if (!is_directory(name)) throw;
      }
      name += inside;
      return directory_->try_open(name, mode);
    });
  }

  [[nodiscard]] FileType type_of(const std::string& name) const {
    const std::optional<FileInfo> info = directory_->info(name);
    return info ? info->type : FileType::other;
  }

  [[nodiscard]] bool is_directory(const std::string& name) const { return type_of(name) == FileType::directory; }

  [[nodiscard]] bool is_below_file(const std::string& name) const {
    for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
      if (type_of(name.substr(0, at)) != FileType::directory) return type_of(name.substr(0, at)) == FileType::regular;
    }
    return false;
  }

  void make_parents(const std::string& name) {
    for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
      const std::string parent = name.substr(0, at);
      const std::optional<FileInfo> info = directory_->info(parent);
      if (!info) {
        if (!finish_move(parent)) make_directory(parent);
      } else if (info->type == FileType::regular) {
        move_inside(parent);
      }
    }
  }

  void make_directory(const std::string& name) {
    try {
      directory_->make_directory(name);
    } catch (const IoError& error) {
      if (error.code() != std::errc::file_exists) throw;
    }
  }

  /// A key's file makes way for the directory of longer keys.
  void move_inside(const std::string& name) {
    const std::string made = name + std::string(moving);
    make_directory(made);
    directory_->rename(name, made + std::string(inside));
    directory_->rename(made, name);
  }

  /// As above, of a process that was killed between the two: false if there was none.
  bool finish_move(const std::string& name) {
    return checked(name, [&] {
      const std::string made = name + std::string(moving);
      if (is_below_file(made) || !is_directory(made)) return false;
      directory_->rename(made, name);
      return true;
    });
  }

  /// Whether partd has never written here, so that its names are none of the keys'.
  [[nodiscard]] bool is_own() {
    if (!is_own_) {
      const std::unique_ptr<File> lock =
          checked(".lock", [&] { return directory_->try_open(".lock", OpenMode::read); });
      std::array<char, own_mark.size()> mark{};
      is_own_ = lock && lock->read_at(0, mark) == mark.size() && std::string_view(mark.data(), mark.size()) == own_mark;
    }
    return *is_own_;
  }

  std::unique_ptr<Directory> directory_;
  std::string path_;
  std::optional<bool> is_own_;
};

/// Appends to one file after the other, and can take it all back.
class FileBatch {
 public:
  explicit FileBatch(KeyFiles& files) : files_(files) {}

  void append(const KeyName& key, const std::vector<std::string_view>& pieces) {
    std::string name;
    std::unique_ptr<File> file = files_.find(key, OpenMode::append, name);
    if (file) {
      const std::uint64_t size = files_.checked(name, [&] { return file->size(); });
      changes_.push_back({name, size});
    } else {
      file = files_.create(name);
      changes_.push_back({name, std::nullopt});
    }
    files_.checked(name, [&] { file->append(pieces); });
  }

  /// One commit, not one a file: few files one by one, since the file system may have others' bytes to write, too.
  void sync() {
    constexpr std::size_t few = 4;
    if (changes_.size() > few) return files_.sync_all();
    for (const Change& change : changes_) {
      std::string name;
      files_.checked(change.name, [&] {
        const std::unique_ptr<File> file = files_.find({change.name, std::nullopt}, OpenMode::append, name);
        if (file) file->sync();
      });
      if (change.size) continue;
      for (std::string_view parent = parent_of(change.name);; parent = parent_of(parent)) {
        files_.sync_names(std::string(parent));
        if (parent.empty()) break;
      }
    }
  }

  /// Last ones first.
  void take_back() noexcept {
    for (; !changes_.empty(); changes_.pop_back()) {
      try {
        take_back(changes_.back());
      } catch (...) {
        // The error that made it necessary is the one to be told.
      }
    }
  }

 private:
  struct Change {
    std::string name;
    std::optional<std::uint64_t> size;  // before; nullopt: it is new
  };

  void take_back(const Change& change) {
    std::string name;  // another one than before where a later key of the batch has made it a directory's
    const std::unique_ptr<File> file = files_.find({change.name, std::nullopt}, OpenMode::append, name);
    if (!file) return;
    if (!change.size) {
      files_.remove(name);
    } else if (file->size() > *change.size) {
      file->truncate(*change.size);
    }
  }

  KeyFiles& files_;
  std::vector<Change> changes_;
};

struct Appended {
  KeyName key;
  std::vector<std::string_view> pieces;
};

/// A value is bytes, or a list of such, of which a Buffer's are made.
std::vector<Appended> appended_of(PyObject* dict, Borrowed& borrowed) {
  std::vector<Appended> all;
  std::vector<std::pair<Reference, Reference>> items;  // a key's own methods may change the dict
  for_each_item(dict, [&](PyObject* key, PyObject* value) {
    items.emplace_back(Reference::borrow(key), Reference::borrow(value));
  });
  for (const auto& [key, value] : items) {
    all.push_back({.key = name_of_key(key.get()), .pieces = {}});
    Appended& one = all.back();
    if (!PyList_CheckExact(value.get())) {
      one.pieces.push_back(borrowed.bytes(value.get()));
      continue;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(value.get()); ++i) {
      one.pieces.push_back(borrowed.bytes(PyList_GET_ITEM(value.get(), i)));
    }
  }
  return all;
}

void append_all(const std::string& path, const std::vector<Appended>& all, bool sync) {
  KeyFiles files(path);
  FileBatch batch(files);
  try {
    for (const Appended& one : all) batch.append(one.key, one.pieces);
    if (sync) batch.sync();
  } catch (...) {
    batch.take_back();
    throw;
  }
}

/// partd_file_append(directory, fsync, data)
PyObject* append(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_file_append()", 3, count);
    const std::string path = path_of(arguments[0]);
    const int sync = PyObject_IsTrue(arguments[1]);
    if (sync < 0) throw PythonErrorSet{};
    Borrowed borrowed;
    const std::vector<Appended> all = appended_of(arguments[2], borrowed);
    with_files([&] { append_all(path, all, sync != 0); });
    return none();
  });
}

std::vector<KeyName> names_of(PyObject* keys) {
  const Reference list = Reference::own(PySequence_List(keys));
  std::vector<KeyName> names;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
    names.push_back(name_of_key(PyList_GET_ITEM(list.get(), i)));
  }
  return names;
}

/// A value as it is being read: a small one waits until Python's memory may be asked for, a larger one is read into it.
class ReadValue {
 public:
  static constexpr std::size_t small_bytes = 32 << 10;

  ReadValue(KeyFiles& files, const KeyName& key) : file_(files.find(key, OpenMode::read, name_)) {
    if (file_) read(files);
  }

  Reference take(KeyFiles& files) {
    if (!file_) return bytes_object(small_);
    Reference value = Reference::own(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size_)));
    const std::span<char> to(PyBytes_AS_STRING(value.get()), size_);
    with_files([&] {
      files.checked(name_, [&] {
        // Who cuts a file while it is read breaks the rule that the lock is for.
        if (file_->read_at(0, to) != to.size()) throw FileError{EIO, files.full(name_)};
      });
    });
    return value;
  }

 private:
  void read(KeyFiles& files) {
    files.checked(name_, [&] {
      size_ = file_->size();
      if (size_ > small_bytes) return;
      small_.resize(size_);
      small_.resize(file_->read_at(0, small_));
      file_.reset();
    });
  }

  std::string name_;
  std::string small_;
  std::uint64_t size_ = 0;
  std::unique_ptr<File> file_;  // of a large one
};

/// partd_file_get(directory, keys): the values, as a list; b"" of keys that have none.
PyObject* get(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_file_get()", 2, count);
    const std::string path = path_of(arguments[0]);
    const std::vector<KeyName> names = names_of(arguments[1]);
    std::optional<KeyFiles> files;
    with_files([&] { files.emplace(path); });
    Reference values = Reference::own(PyList_New(static_cast<Py_ssize_t>(names.size())));
    for (std::size_t i = 0; i < names.size(); ++i) {
      ReadValue value = with_files([&] { return ReadValue(*files, names[i]); });
      PyList_SET_ITEM(values.get(), static_cast<Py_ssize_t>(i), value.take(*files).release());
    }
    return values;
  });
}

/// partd_file_set(directory, key, value)
PyObject* set(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_file_set()", 3, count);
    const std::string path = path_of(arguments[0]);
    const KeyName key = name_of_key(arguments[1]);
    Borrowed borrowed;
    const std::string_view value = borrowed.bytes(arguments[2]);
    with_files([&] { KeyFiles(path).replace(key, value); });
    return none();
  });
}

/// partd_file_delete(directory, keys)
PyObject* remove(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_file_delete()", 2, count);
    const std::string path = path_of(arguments[0]);
    const std::vector<KeyName> names = names_of(arguments[1]);
    with_files([&] {
      KeyFiles files(path);
      for (const KeyName& name : names) files.remove(name);
    });
    return none();
  });
}

/// partd_file_name(directory, key): of the file that the key has, or would have.
PyObject* file_name(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([&] {
    expect_arguments("partd_file_name()", 2, count);
    const std::string path = path_of(arguments[0]);
    const KeyName key = name_of_key(arguments[1]);
    std::string name = key.own;
    if (posix_env().info(path)) {
      with_files([&] {
        KeyFiles files(path);
        if (!files.find(key, OpenMode::read, name)) name = key.own;
      });
    }
    return text(name);
  });
}

auto functions = std::to_array<PyMethodDef>({
    {"partd_file_append", as_function(append), METH_FASTCALL, nullptr},
    {"partd_file_get", as_function(get), METH_FASTCALL, nullptr},
    {"partd_file_set", as_function(set), METH_FASTCALL, nullptr},
    {"partd_file_delete", as_function(remove), METH_FASTCALL, nullptr},
    {"partd_file_name", as_function(file_name), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
});

}  // namespace

void add_partd_files(PyObject* module) { add_to(module, functions.data()); }

}  // namespace accrete::python
