#include "fault/sweep.hpp"

#include <optional>
#include <system_error>

#include "api/datasets.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "support/campaign.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

/// A dataset that scenarios are played on.
class Stage {
 public:
  explicit Stage(const Scenario& scenario) : scenario_(scenario) {
    create_dataset(env_, path(), {.codec = scenario.codec});
    open();
    for (const Call& call : scenario.before) {
      call.call(*store_);
      call.model(before_);
    }
    after_ = before_;
    scenario.call.model(after_);
  }

  [[nodiscard]] FaultEnv& env() { return env_; }
  [[nodiscard]] Store& store() { return *store_; }
  void open() {
    if (scenario_.is_buffered) {
      store_ = open_buffered_dataset(env_, path(), scenario_.options);
    } else {
      store_ = open_dataset(env_, path(), scenario_.options);
    }
  }
  void close() { store_.reset(); }
  void reopen() {
    close();
    open();
  }

  /// True if the call returned. Throws what is no Error.
  bool try_call() {
    try {
      scenario_.call.call(*store_);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  /// True: as after the call; false: as before it. Throws unless the store is in one of these states.
  bool is_applied() {
    const std::string from_after = difference(*store_, after_);
    if (from_after.empty()) return true;
    const std::string from_before = difference(*store_, before_);
    require(from_before.empty(), "the call was applied in whole or not at all; from before it differs in " +
                                     from_before + "; from after it in " + from_after);
    return false;
  }

  /// Opens the store anew. After a sync that failed, none counts before this.
  void reopen_mended() {
    close();
    if (env_.sync_failed()) static_cast<void>(verify_dataset(env_, path(), {.repair = true}));
    open();
  }

  void check_sound() {
    const Stats stats = store_->stats();
    if (scenario_.is_buffered) close();  // it has the dataset for itself
    const VerifyReport report = verify_dataset(env_, path(), {});
    require(report.problems.empty(),
            "verify finds no problem, but: " + (report.problems.empty() ? std::string() : report.problems.front()));
    require(stats.keys == report.counted.keys && stats.bytes == report.counted.bytes,
            "the totals are what a count finds");
    if (!store_) open();
  }

  /// Calls again, without faults, and leaves nothing out or doubled.
  void repeat(bool applied) {
    if (!applied || scenario_.is_repeatable) scenario_.call.call(*store_);
    const std::string from_after = difference(*store_, after_);
    require(from_after.empty(), "the call, repeated, is applied once, but: " + from_after);
  }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

  const Scenario& scenario_;
  TemporaryDirectory directory_{memory_directory()};
  FaultEnv env_{posix_env(), FaultEnv::Syncs::counted, FaultEnv::small_file_size};
  Model before_;
  Model after_;
  std::unique_ptr<Store> store_;
};

/// One run with the n-th operation failing. False if there was no n-th operation.
bool run_with_fault(const Scenario& scenario, const Fault& fault, std::uint64_t n, bool reopens, SweepCount& count) {
  Stage stage(scenario);
  stage.env().fail_at(n, fault);
  const bool returned = stage.try_call();
  const bool fired = stage.env().fired();
  if (reopens) stage.close();
  stage.env().heal();
  if (reopens) stage.reopen_mended();
  const bool applied = stage.is_applied();
  require(applied || !returned, "what is acknowledged is there");
  require(!applied || returned || scenario.may_apply, "a call that failed changed nothing");
  count.failed += !returned;
  count.applied += applied && !returned;
  count.completed += !fired;
  if (stage.env().sync_failed()) stage.reopen_mended();
  stage.check_sound();
  stage.reopen();
  require(stage.is_applied() == applied, "the outcome is the same after reopening");
  stage.repeat(applied);
  stage.check_sound();
  return fired;
}

/// A dataset whose last process was cut off at the k-th operation, and then one operation of the next process fails.
/// False if there was no n-th operation; nullopt if there was no k-th.
std::optional<bool> recover_with_fault(const Scenario& scenario, std::uint64_t k, const Fault& fault, std::uint64_t n,
                                       SweepCount& count) {
  Stage stage(scenario);
  stage.env().fail_at(k, {.how = Fault::How::for_good});
  const bool returned = stage.try_call();
  if (!stage.env().fired()) return std::nullopt;
  stage.close();
  stage.env().fail_at(n, fault);
  bool recovered = true;
  try {
    stage.open();
    const bool applied = stage.is_applied();
    require(applied || !returned, "what is acknowledged is there");
  } catch (const Error&) {
    recovered = false;
  }
  const bool fired = stage.env().fired();
  stage.close();
  stage.env().heal();
  count.failed += !recovered;
  count.completed += !fired;
  if (stage.env().sync_failed()) stage.reopen_mended();
  stage.reopen_mended();
  const bool applied = stage.is_applied();
  require(applied || !returned, "what is acknowledged is there");
  stage.check_sound();
  stage.reopen();
  require(stage.is_applied() == applied, "the outcome is the same after reopening");
  stage.repeat(applied);
  stage.check_sound();
  return fired;
}

template <typename Run>
void with_context(const std::string& context, Run run) {
  try {
    run();
  } catch (const std::exception& e) {
    throw std::runtime_error(context + ": " + e.what());
  }
}

}  // namespace

Call append_call(OwnedBatch batch) {
  return {.call = [batch](Store& store) { store.append_batch(batch.view(), batch.options); },
          .model = [batch](Model& model) { model.append_batch(batch.view(), batch.options); }};
}

Call erase_call(std::string key) {
  return {.call = [key](Store& store) { store.erase(key); }, .model = [key](Model& model) { model.erase(key); }};
}

Call drop_call() {
  return {.call = [](Store& store) { store.drop(); }, .model = [](Model& model) { model.drop(); }};
}

Call flush_call() {
  return {.call = [](Store& store) { store.flush(); }};
}

Call sync_call() {
  return {.call = [](Store& store) { store.sync(); }};
}

const std::vector<Fault>& all_faults() {
  static const std::vector<Fault> faults = {{.how = Fault::How::once, .error = EIO},
                                            {.how = Fault::How::for_good, .error = EIO},
                                            {.how = Fault::How::short_write, .error = ENOSPC}};
  return faults;
}

const std::vector<std::optional<Codec>>& all_codecs() {
  static const std::vector<std::optional<Codec>> codecs = {std::nullopt, parse_codec(codec_names().back())};
  return codecs;
}

std::string describe(const Fault& fault, std::uint64_t n) {
  const char* how = fault.how == Fault::How::once       ? "fails once"
                    : fault.how == Fault::How::for_good ? "and all after it fail"
                                                        : "is cut short";
  return "operation " + std::to_string(n) + " " + how;
}

bool says_fault(const std::string& problem, const Fault& fault) {
  return problem.find(std::generic_category().message(fault.error)) != std::string::npos;
}

SweepCount sweep(const Scenario& scenario) {
  SweepCount count;
  // What is only in memory is lost when it cannot be handed down at last.
  const bool survives_close = !scenario.is_buffered || scenario.options.durability != Durability::memory;
  for (const Fault& fault : all_faults()) {
    for (const bool reopens : {false, true}) {
      if (reopens && !survives_close) continue;
      bool fired = true;
      for (std::uint64_t n = 1; fired; n += scenario.stride * campaign_stride()) {
        with_context(describe(fault, n) + (reopens ? ", then the store is opened anew" : ", the store stays open"),
                     [&] { fired = run_with_fault(scenario, fault, n, reopens, count); });
      }
    }
  }
  return count;
}

SweepCount sweep_recovery(const Scenario& scenario) {
  SweepCount count;
  for (const Fault& fault : all_faults()) {
    bool cut_off = true;
    for (std::uint64_t k = 1; cut_off; k += scenario.stride * campaign_stride()) {
      bool fired = true;
      for (std::uint64_t n = 1; fired && cut_off; n += campaign_stride()) {
        with_context("cut off at operation " + std::to_string(k) + ", then " + describe(fault, n), [&] {
          const std::optional<bool> run = recover_with_fault(scenario, k, fault, n, count);
          cut_off = run.has_value();
          fired = run.value_or(false);
        });
      }
    }
  }
  return count;
}

}  // namespace accrete::test
