// The lock of accrete.partd's stores. Python runs handlers of signals between its own instructions, so that a lock
// written in it can be left taken by Ctrl-C; here each call is whole: it returns with the lock, or has raised without.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "partd.hpp"
// After Python.h.
#include <structmember.h>

namespace accrete::python {
namespace {

using Clock = std::chrono::steady_clock;

/// How long to wait: not at all, until a time, or (never) for ever.
struct Patience {
  static constexpr Clock::time_point never = Clock::time_point::max();

  /// As threading.Lock.acquire has it: a negative time out is none.
  static Patience of(bool blocking, double timeout_seconds) {
    constexpr double max_seconds = 1e9;
    if (!blocking) return {Clock::time_point::min()};
    if (timeout_seconds < 0 || timeout_seconds > max_seconds) return {never};
    return {Clock::now() + std::chrono::round<Clock::duration>(std::chrono::duration<double>(timeout_seconds))};
  }

  [[nodiscard]] bool is_endless() const noexcept { return deadline == never; }
  [[nodiscard]] bool is_over() const noexcept { return !is_endless() && Clock::now() >= deadline; }
  [[nodiscard]] PY_TIMEOUT_T left_microseconds() const {
    if (is_endless()) return -1;
    const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline - Clock::now());
    return std::max<PY_TIMEOUT_T>(left.count(), 0);
  }

  Clock::time_point deadline;
};

enum class Taken { yes, no, interrupted };

/// flock on a file, as partd has it. The file and its directory are made if need be.
class ProcessLock {
 public:
  explicit ProcessLock(std::string path) : path_(std::move(path)) {}
  ProcessLock(const ProcessLock&) = delete;
  ProcessLock& operator=(const ProcessLock&) = delete;
  ~ProcessLock() { forget(); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Waits only if there is no end to that: there is no flock with a deadline. Without the GIL. errno says what failed,
  /// if `failed` becomes true.
  [[nodiscard]] Taken try_take(bool waits, bool& failed) noexcept {
    do {
      forget();
      descriptor_ = open();
      if (descriptor_ < 0 || ::flock(descriptor_, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        forget();
        errno = error;
        failed = error != EINTR && error != EWOULDBLOCK;
        return error == EINTR ? Taken::interrupted : Taken::no;
      }
    } while (!is_still_there());
    return Taken::yes;
  }

  void give_back() noexcept {
    ::flock(descriptor_, LOCK_UN);  // a forked child may still have the descriptor
    forget();
  }

  void forget() noexcept {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  [[nodiscard]] int open() const noexcept {
    constexpr int flags = O_RDWR | O_CREAT | O_CLOEXEC;
    constexpr mode_t rights = 0666;
    const int descriptor = ::open(path_.c_str(), flags, rights);
    if (descriptor >= 0 || errno != ENOENT) return descriptor;
    try {  // partd removes the directory, and makes it again, when it drops
      std::error_code error;
      std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
    } catch (const std::bad_alloc&) {
      errno = ENOMEM;
      return -1;
    }
    return ::open(path_.c_str(), flags, rights);
  }

  [[nodiscard]] bool is_still_there() const noexcept {
    struct stat own {};
    struct stat named {};
    return ::fstat(descriptor_, &own) == 0 && ::stat(path_.c_str(), &named) == 0 && own.st_ino == named.st_ino &&
           own.st_dev == named.st_dev;
  }

  std::string path_;
  int descriptor_ = -1;  // also of one that waits, so that a forked child can close it
};

/// Between threads, and with a path between processes, too. All but the waiting is done with the GIL held.
class Lock {
 public:
  explicit Lock(std::string path) {
    if (!threads_) throw std::bad_alloc();
    if (!path.empty()) processes_.emplace(std::move(path));
    all.push_back(this);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    std::erase(all, this);
    if (owner_) PyThread_release_lock(threads_.get());
  }

  [[nodiscard]] bool is_taken() const noexcept { return owner_.has_value(); }
  [[nodiscard]] const std::string* path() const noexcept { return processes_ ? &processes_->path() : nullptr; }

  /// Handlers of signals run while it waits, when nothing is held: they may take it, too. Throws PythonErrorSet.
  [[nodiscard]] bool acquire(const Patience& patience) {
    const unsigned long self = PyThread_get_thread_ident();
    while (owner_ != self) {
      const Taken taken = try_take(patience);
      if (taken == Taken::yes) {
        owner_ = self;
        break;
      }
      if (taken == Taken::interrupted && PyErr_CheckSignals() != 0) throw PythonErrorSet{};
      if (taken == Taken::no && patience.is_over()) return false;
    }
    ++depth_;
    return true;
  }

  void release() {
    if (!owner_) {
      if (is_childs_) return;  // the parent's, which this process's copy of a `with` gives back
      PyErr_SetString(PyExc_RuntimeError, "a lock is released that nobody has");
      throw PythonErrorSet{};
    }
    if (--depth_ > 0) return;
    owner_.reset();
    if (processes_) processes_->give_back();
    PyThread_release_lock(threads_.get());
  }

  /// Those of this process's parent are free in this process.
  static void reset_all() {
    for (Lock* const lock : all) lock->reset();
  }

 private:
  struct Free {
    void operator()(PyThread_type_lock lock) const noexcept { PyThread_free_lock(lock); }
  };
  using ThreadLock = std::unique_ptr<void, Free>;

  [[nodiscard]] Taken try_take(const Patience& patience) {
    const Taken taken = take_from_threads(patience);
    if (taken != Taken::yes || !processes_) return taken;
    const Taken from_processes = take_from_processes(patience);
    if (from_processes != Taken::yes) PyThread_release_lock(threads_.get());
    if (from_processes == Taken::no && !patience.is_over()) return wait_for_processes();
    return from_processes;
  }

  [[nodiscard]] Taken take_from_threads(const Patience& patience) {
    constexpr int interruptible = 1;
    if (PyThread_acquire_lock(threads_.get(), NOWAIT_LOCK) != 0) return Taken::yes;
    if (patience.is_over()) return Taken::no;
    const GilReleased released;
    switch (PyThread_acquire_lock_timed(threads_.get(), patience.left_microseconds(), interruptible)) {
      case PY_LOCK_ACQUIRED:
        return Taken::yes;
      case PY_LOCK_INTR:
        return Taken::interrupted;
      default:
        return Taken::no;
    }
  }

  [[nodiscard]] Taken take_from_processes(const Patience& patience) {
    bool failed = false;
    int error = 0;
    const Taken taken = [&] {
      const GilReleased released;
      const Taken result = processes_->try_take(patience.is_endless(), failed);
      error = errno;
      return result;
    }();
    if (!failed) return taken;
    PyThread_release_lock(threads_.get());
    const Reference path = Reference::own(PyUnicode_DecodeFSDefaultAndSize(
        processes_->path().data(), static_cast<Py_ssize_t>(processes_->path().size())));
    errno = error;
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path.get());
    throw PythonErrorSet{};
  }

  [[nodiscard]] static Taken wait_for_processes() {
    constexpr int retry_milliseconds = 10;
    const GilReleased released;
    return ::poll(nullptr, 0, retry_milliseconds) < 0 ? Taken::interrupted : Taken::no;
  }

  void reset() {
    ThreadLock fresh(PyThread_allocate_lock());
    if (!fresh) throw std::bad_alloc();
    (void)threads_.release();  // it may be in any state
    threads_ = std::move(fresh);
    owner_.reset();
    depth_ = 0;
    is_childs_ = true;
    if (processes_) processes_->forget();
  }

  static std::vector<Lock*> all;

  ThreadLock threads_{PyThread_allocate_lock()};
  std::optional<ProcessLock> processes_;
  std::optional<unsigned long> owner_;  // a thread
  std::size_t depth_ = 0;
  bool is_childs_ = false;
};

std::vector<Lock*> Lock::all;

struct LockObject {
  PyObject_HEAD PyObject* weak_references;
  Lock* lock;
};

/// What `attempt` returns: it holds the lock within a `with`, if it could be had in time.
struct AttemptObject {
  PyObject_HEAD PyObject* lock;
  double timeout_seconds;
  bool is_taken;
};

PyTypeObject* attempt_type = nullptr;

Lock& lock_of(PyObject* object) noexcept { return *reinterpret_cast<LockObject*>(object)->lock; }
AttemptObject& attempt_of(PyObject* object) noexcept { return *reinterpret_cast<AttemptObject*>(object); }

Reference truth(bool value) noexcept { return Reference::borrow(value ? Py_True : Py_False); }

PyObject* make(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  return guarded([&] {
    static auto names = std::to_array<const char*>({"path", nullptr});
    PyObject* path = Py_None;
    if (PyArg_ParseTupleAndKeywords(arguments, keywords, "|O", const_cast<char**>(names.data()), &path) == 0) {
      throw PythonErrorSet{};
    }
    auto lock = std::make_unique<Lock>(path == Py_None ? std::string() : path_of(path));
    Reference self = Reference::own(type->tp_alloc(type, 0));
    reinterpret_cast<LockObject*>(self.get())->lock = lock.release();
    return self;
  });
}

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  if (reinterpret_cast<LockObject*>(self)->weak_references) PyObject_ClearWeakRefs(self);
  delete reinterpret_cast<LockObject*>(self)->lock;
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* acquire(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return guarded([&] {
    static auto names = std::to_array<const char*>({"blocking", "timeout", nullptr});
    int blocking = 1;
    double timeout_seconds = -1;
    if (PyArg_ParseTupleAndKeywords(arguments, keywords, "|pd", const_cast<char**>(names.data()), &blocking,
                                    &timeout_seconds) == 0) {
      throw PythonErrorSet{};
    }
    return truth(lock_of(self).acquire(Patience::of(blocking != 0, timeout_seconds)));
  });
}

PyObject* release(PyObject* self, PyObject*) {
  return guarded([&] {
    lock_of(self).release();
    return none();
  });
}

PyObject* enter(PyObject* self, PyObject*) {
  return guarded([&] {
    (void)lock_of(self).acquire({Patience::never});
    return Reference::borrow(self);
  });
}

PyObject* exit(PyObject* self, PyObject* const*, Py_ssize_t) { return release(self, nullptr); }

PyObject* locked(PyObject* self, PyObject*) {
  return guarded([&] { return truth(lock_of(self).is_taken()); });
}

PyObject* attempt(PyObject* self, PyObject* timeout) {
  return guarded([&] {
    const double seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1 && PyErr_Occurred()) throw PythonErrorSet{};
    Reference made = Reference::own(attempt_type->tp_alloc(attempt_type, 0));
    attempt_of(made.get()).lock = Reference::borrow(self).release();
    attempt_of(made.get()).timeout_seconds = std::max(seconds, 0.0);
    return made;
  });
}

PyObject* path(PyObject* self, void*) {
  return guarded([&] {
    const std::string* const own = lock_of(self).path();
    if (!own) return none();
    return Reference::own(PyUnicode_DecodeFSDefaultAndSize(own->data(), static_cast<Py_ssize_t>(own->size())));
  });
}

void destroy_attempt(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  Py_XDECREF(attempt_of(self).lock);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* enter_attempt(PyObject* self, PyObject*) {
  return guarded([&] {
    AttemptObject& attempt = attempt_of(self);
    attempt.is_taken = lock_of(attempt.lock).acquire(Patience::of(true, attempt.timeout_seconds));
    return truth(attempt.is_taken);
  });
}

PyObject* exit_attempt(PyObject* self, PyObject* const*, Py_ssize_t) {
  return guarded([&] {
    AttemptObject& attempt = attempt_of(self);
    if (std::exchange(attempt.is_taken, false)) lock_of(attempt.lock).release();
    return none();
  });
}

PyObject* reset_locks(PyObject*, PyObject*) {
  return guarded([&] {
    Lock::reset_all();
    return none();
  });
}

auto methods = std::to_array<PyMethodDef>({
    {"acquire", as_function(acquire), METH_VARARGS | METH_KEYWORDS,
     "acquire(blocking=True, timeout=-1): whether it was taken. Who has it may take it again."},
    {"release", release, METH_NOARGS, "By any thread. RuntimeError if nobody has it."},
    {"locked", locked, METH_NOARGS, "Whether a thread of this process has it."},
    {"attempt", attempt, METH_O,
     "attempt(timeout): for a `with`, in which it is held if it can be taken in so many seconds; `as`: whether it is."},
    {"__enter__", enter, METH_NOARGS, nullptr},
    {"__exit__", as_function(exit), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
});

auto properties = std::to_array<PyGetSetDef>({
    {"path", path, nullptr, "Of the file; None if it is between threads only.", nullptr},
    {},
});

auto members = std::to_array<PyMemberDef>({
    {"__weaklistoffset__", T_PYSSIZET, offsetof(LockObject, weak_references), READONLY, nullptr},
    {},
});

auto attempt_methods = std::to_array<PyMethodDef>({
    {"__enter__", enter_attempt, METH_NOARGS, nullptr},
    {"__exit__", as_function(exit_attempt), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
});

auto functions = std::to_array<PyMethodDef>({
    {"partd_reset_locks", reset_locks, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
});

template <typename Function>
void* as_slot(Function function) noexcept {
  return reinterpret_cast<void*>(function);
}

constexpr const char* documentation =
    "Lock(path=None): between threads and, with the path of a file, between processes: flock on it, as partd has it. "
    "The\n"
    "file and its directory are made if need be. Who has it may take it again. In a forked child it is free.";

auto slots = std::to_array<PyType_Slot>({
    {Py_tp_doc, const_cast<char*>(documentation)},
    {Py_tp_new, as_slot(make)},
    {Py_tp_dealloc, as_slot(destroy)},
    {Py_tp_methods, methods.data()},
    {Py_tp_getset, properties.data()},
    {Py_tp_members, members.data()},
    {},
});

auto attempt_slots = std::to_array<PyType_Slot>({
    {Py_tp_dealloc, as_slot(destroy_attempt)},
    {Py_tp_methods, attempt_methods.data()},
    {},
});

PyType_Spec spec = {
    .name = "accrete._native.Lock",
    .basicsize = sizeof(LockObject),
    .itemsize = 0,
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots.data(),
};

PyType_Spec attempt_spec = {
    .name = "accrete._native.LockAttempt",
    .basicsize = sizeof(AttemptObject),
    .itemsize = 0,
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = attempt_slots.data(),
};

}  // namespace

void add_partd_locks(PyObject* module) {
  const Reference type = Reference::own(PyType_FromSpec(&spec));
  if (PyModule_AddObjectRef(module, "Lock", type.get()) != 0) throw PythonErrorSet{};
  attempt_type = reinterpret_cast<PyTypeObject*>(Reference::own(PyType_FromSpec(&attempt_spec)).release());
  add_to(module, functions.data());
}

}  // namespace accrete::python
