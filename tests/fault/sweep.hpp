// Makes each operation under a call fail in turn, and checks after each what the store promises of a call that fails.
#pragma once

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/fault_env.hpp"
#include "support/model.hpp"

namespace accrete::test {

/// A call, and what it does to a model of the store.
struct Call {
  std::function<void(Store&)> call;
  std::function<void(Model&)> model = [](Model&) {};
};

[[nodiscard]] Call append_call(OwnedBatch batch);
[[nodiscard]] Call erase_call(std::string key);
[[nodiscard]] Call drop_call();
/// These change nothing that can be seen.
[[nodiscard]] Call flush_call();
[[nodiscard]] Call sync_call();

struct Scenario {
  std::vector<Call> before{};  // without faults
  Call call{};
  OpenOptions options{};
  std::optional<Codec> codec{};  // of the dataset
  /// The dataset is opened with a buffer over it.
  bool is_buffered = false;
  /// An error may come from after the commit point: the call may have been applied in whole though it failed.
  bool may_apply = false;
  /// Only each stride-th operation fails, where there are very many.
  std::uint64_t stride = 1;
  /// Calling it again after it was applied does nothing more.
  bool is_repeatable = false;
};

/// What a sweep must have met for its checks to mean anything.
struct SweepCount {
  int failed = 0;     ///< calls that threw
  int applied = 0;    ///< of those, calls that were applied in whole all the same
  int completed = 0;  ///< runs in which no operation was left to fail
};

/// The kinds of fault, one after the other.
[[nodiscard]] const std::vector<Fault>& all_faults();
[[nodiscard]] std::string describe(const Fault& fault, std::uint64_t n);
/// Whether `problem` is that the system has failed so.
[[nodiscard]] bool says_fault(const std::string& problem, const Fault& fault);

/// Calls `run(n, fault)`, which is true if the n-th operation failed, for n = 1, 2, 3 … and each kind of fault.
template <typename Run>
void for_each_fault(Run run) {
  for (const Fault& fault : all_faults()) {
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      CAPTURE(describe(fault, n));
      fired = run(n, fault);
    }
  }
}

/// True if `call` returned; false if it threw an Error.
template <typename Function>
bool returns(Function call) {
  try {
    call();
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// What a dataset's values may be: raw, or by the last codec of the build.
[[nodiscard]] const std::vector<std::optional<Codec>>& all_codecs();

/// Fails every operation of `scenario.call` on an open store. Throws std::runtime_error where a promise is broken.
[[nodiscard]] SweepCount sweep(const Scenario& scenario);

/// Fails every operation of the next process's first look at a dataset, for each stride-th point at which
/// `scenario.call` could have been cut off before.
[[nodiscard]] SweepCount sweep_recovery(const Scenario& scenario);

}  // namespace accrete::test
