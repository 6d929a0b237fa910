// accrete._native.Store: the base of the Python class accrete.Store.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>
#include <utility>

#include "python.hpp"
#include "signals.hpp"

namespace accrete::python {

/// Adds the type to the module. Throws PythonErrorSet.
void add_store_type(PyObject* module);

/// Has an object of the type stand for `store`. Throws PythonErrorSet if it is of another type.
void set_store(PyObject* object, std::shared_ptr<Store> store);

/// A store that is used while another thread may close it: then the last user destroys it, which may flush, without the
/// GIL. To be destroyed with it.
class StoreInUse {
 public:
  explicit StoreInUse(std::shared_ptr<Store> store) noexcept : store_(std::move(store)) {}
  StoreInUse(StoreInUse&&) noexcept = default;
  StoreInUse& operator=(StoreInUse&&) = delete;
  ~StoreInUse() {
    if (store_.use_count() > 1) return;
    const GilReleased released;
    store_.reset();
  }

  [[nodiscard]] Store& operator*() const noexcept { return *store_; }
  [[nodiscard]] Store* operator->() const noexcept { return store_.get(); }
  [[nodiscard]] const std::shared_ptr<Store>& shared() const noexcept { return store_; }

 private:
  std::shared_ptr<Store> store_;
};

/// What it stands for. Throws InvalidArgumentError if it has been closed.
[[nodiscard]] StoreInUse store_of(PyObject* object);

}  // namespace accrete::python
