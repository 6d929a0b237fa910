// Where the contract suite puts a store.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>

namespace accrete::test {

class Place {
 public:
  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  virtual ~Place() = default;

  [[nodiscard]] virtual Store& store() = 0;
  /// Closes the store and opens it again, where it outlives that.
  virtual void reopen() = 0;
  /// Fails the test unless all is well by the store's own account.
  virtual void check_sound() = 0;
};

/// It takes several Stores at once.
class SharedPlace : public Place {
 public:
  /// One more Store on the same dataset.
  [[nodiscard]] virtual std::unique_ptr<Store> another() = 0;
};

}  // namespace accrete::test
