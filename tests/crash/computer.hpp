// A dataset on a computer that can lose power, or kill its processes, and a random user of it.
#pragma once

#include <accrete/accrete.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/datasets.hpp"
#include "crash/survival.hpp"
#include "support/crash_env.hpp"
#include "support/fault_env.hpp"
#include "support/random_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {

/// What ends the process that uses the dataset.
enum class End { power_loss, kill };

struct Setup {
  /// The dataset is opened with a buffer of this durability over it.
  std::optional<Durability> buffer{};
  End end = End::power_loss;
  std::optional<Codec> codec{};
};

/// Used by one process at a time.
class Computer {
 public:
  explicit Computer(std::uint64_t seed, const Setup& setup = {}) : random_(seed), setup_(setup) {}

  void create();
  void open();
  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] FaultEnv& env() { return env_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }
  [[nodiscard]] bool has_buffer() const noexcept { return setup_.buffer.has_value(); }
  /// What was appended survives the end without more ado.
  [[nodiscard]] bool keeps_appends() const noexcept {
    return setup_.end == End::kill ? setup_.buffer != Durability::memory : setup_.buffer == Durability::sync;
  }
  /// What was erased stays so, too.
  [[nodiscard]] bool keeps_erases() const noexcept { return setup_.end == End::kill; }

  /// The journal of a buffer may go on where the values do not.
  [[nodiscard]] bool may_misfit() const noexcept {
    return setup_.end == End::power_loss && setup_.buffer == Durability::os;
  }

  /// Whether `open` has had to repair the dataset since this was asked last.
  [[nodiscard]] bool take_was_repaired() noexcept { return std::exchange(was_repaired_, false); }

  /// As `end` says.
  void end_process();
  /// Whatever `end` says.
  void kill_process();

  /// All operations from the n-th on fail until the process ends. False if the call was through before.
  bool cut_off(std::uint64_t n, const std::function<void()>& call);

  /// As `accrete verify --repair` does.
  VerifyReport repair() { return verify_dataset(env_, path(), {.repair = true}); }

  /// Throws unless the dataset is sound.
  void check_sound();

 private:
  TemporaryDirectory directory_{memory_directory()};
  Random random_;
  const Setup setup_;
  CrashEnv disk_{posix_env(), directory_.path()};
  FaultEnv env_{setup_.end == End::kill ? posix_env() : disk_,
                setup_.end == End::kill ? FaultEnv::Syncs::counted : FaultEnv::Syncs::real, FaultEnv::small_file_size};
  std::unique_ptr<Store> store_;
  bool was_repaired_ = false;
};

/// Knows what may be left when the process ends.
class Life {
 public:
  explicit Life(Computer& computer) : computer_(computer) {}

  void act();
  /// Acts once more, and the process ends before it is through. What was begun may be there, but need not.
  void act_and_end();
  /// Syncs, amid which an operation may fail and give up what it was to write; then again.
  void sync_twice();
  void recover();

 private:
  [[nodiscard]] OwnedBatch random_batch();
  void append(OwnedBatch batch);
  void erase(const std::string& key);
  void drop();

  Computer& computer_;
  Survival survival_;
  std::uint64_t sequence_ = 0;
};

}  // namespace accrete::test
