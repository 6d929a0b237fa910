// A dataset on a disk that can lose power, and a random user of it.
#pragma once

#include <accrete/accrete.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "crash/survival.hpp"
#include "support/crash_env.hpp"
#include "support/fault_env.hpp"
#include "support/random_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {

/// Used by one process at a time.
class Computer {
 public:
  /// `buffer`: the dataset is opened with a buffer of this durability over it.
  explicit Computer(std::uint64_t seed, std::optional<Durability> buffer = std::nullopt)
      : random_(seed), buffer_(buffer) {}

  void create();
  void open();
  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] FaultEnv& env() { return env_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }
  [[nodiscard]] bool has_buffer() const noexcept { return buffer_.has_value(); }
  /// What was appended survives power loss without more ado.
  [[nodiscard]] bool is_synced() const noexcept { return buffer_ == Durability::sync; }

  void lose_power();

  /// All operations from the n-th on fail until power is lost. False if the call was through before.
  bool cut_off(std::uint64_t n, const std::function<void()>& call);

  /// Throws unless the dataset is sound.
  void check_sound();

 private:
  TemporaryDirectory directory_{memory_directory()};
  Random random_;
  std::optional<Durability> buffer_;
  CrashEnv disk_{posix_env(), directory_.path()};
  FaultEnv env_{disk_, FaultEnv::Syncs::real, FaultEnv::small_file_size};
  std::unique_ptr<Store> store_;
};

/// Knows what may be left when power fails.
class Life {
 public:
  explicit Life(Computer& computer) : computer_(computer) {}

  void act();
  /// Acts once more, and power fails before it is through. What was begun may be there, but need not.
  void act_and_fail();
  void recover();

 private:
  [[nodiscard]] OwnedBatch random_batch();
  void erase(const std::string& key);
  void drop();

  Computer& computer_;
  Survival survival_;
  std::uint64_t sequence_ = 0;
};

}  // namespace accrete::test
