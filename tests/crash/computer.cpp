#include "crash/computer.hpp"

#include "api/datasets.hpp"
#include "dataset/names.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

constexpr std::uint64_t buffer_limit = std::uint64_t{1} << 20;

std::string random_key(Random& random) {
  std::string key = "key" + std::to_string(random_below(random, 8));
  if (one_in(random, 4)) key.append(300, '.');
  return key;
}

}  // namespace

void Computer::create() { create_dataset(env_, path(), {.codec = setup_.codec}); }

void Computer::open() {
  OpenOptions options{.max_open_files = 4};
  if (!setup_.buffer) {
    store_ = open_dataset(env_, path(), options);
    return;
  }
  options.buffer = BufferOptions{.limit_bytes = buffer_limit};
  options.durability = *setup_.buffer;
  try {
    store_ = open_buffered_dataset(env_, path(), options);
  } catch (const CorruptionError& error) {
    // Power loss may have taken bytes after which the journal goes on, unless both were synced.
    require(may_misfit(), "only a power loss makes values and journal differ, but: " + std::string(error.what()));
    require(verify_dataset(env_, path(), {}).problems.size() > 1, "verify tells that the journal is refused, and why");
    require(!repair().repairs.empty(), "a repair says what was lost");
    was_repaired_ = true;
    for (const char* const name : damaged_buffer_names) {
      const auto directory = env_.try_open_directory(path());
      if (directory->info(name)) directory->remove(name);
    }
    store_ = open_buffered_dataset(env_, path(), options);
  }
}

void Computer::kill_process() {
  env_.fail_at(1, {.how = Fault::How::for_good});  // a Store that is destroyed must not finish its work
  store_.reset();
  env_.heal();
}

void Computer::end_process() {
  kill_process();
  if (setup_.end == End::power_loss) disk_.lose_power(random_);
}

bool Computer::cut_off(std::uint64_t n, const std::function<void()>& call) {
  env_.fail_at(n, {.how = Fault::How::for_good});
  try {
    call();
  } catch (const Error&) {
    require(env_.fired(), "only a fault makes a call fail");
  }
  return env_.fired();
}

void Computer::check_sound() {
  const Stats stats = store_->stats();
  if (setup_.buffer) store_.reset();  // it has the dataset for itself
  const VerifyReport report = verify_dataset(env_, path(), {});
  require(report.problems.empty(),
          "verify finds no problem, but: " + (report.problems.empty() ? "" : report.problems.front()));
  require(stats.keys == report.counted.keys && stats.bytes == report.counted.bytes,
          "the totals are what a count finds");
  if (!store_) open();
}

OwnedBatch Life::random_batch() {
  Random& random = computer_.random();
  OwnedBatch batch;
  const std::size_t count = 1 + random_below(random, 8);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = one_in(random, 8) ? random_below(random, 3000) : random_below(random, 40);
    batch.entries.emplace_back(random_key(random), random_bytes(random, size));
  }
  // So that the segments of a buffer's journal take turns.
  if (computer_.has_buffer() && one_in(random, 4)) {
    batch.entries.emplace_back("large", random_bytes(random, random_below(random, buffer_limit / 4)));
  }
  batch.options.sync = one_in(random, 3);
  if (one_in(random, 2)) batch.options.id = BatchId{writer_id(random_below(random, 3)), ++sequence_};
  return batch;
}

void Life::act() {
  Random& random = computer_.random();
  switch (random_below(random, 12)) {
    case 0:
      return erase(random_key(random));
    case 1:
      if (one_in(random, 4)) drop();
      return;
    case 2:
      computer_.store().sync();
      return survival_.synced();
    case 3:
      return computer_.store().flush();
    default:
      return append(random_batch());
  }
}

void Life::append(OwnedBatch batch) {
  try {
    computer_.store().append_batch(batch.view(), batch.options);
  } catch (const Error&) {
    batch.options.sync = false;
    survival_.append_batch(batch);
    throw;
  }
  if (computer_.keeps_appends()) batch.options.sync = true;
  survival_.append_batch(batch);
}

void Life::erase(const std::string& key) {
  survival_.erase(key);
  computer_.store().erase(key);
  if (computer_.keeps_erases()) survival_.synced();
}

void Life::drop() {
  survival_.drop();
  computer_.store().drop();
  if (computer_.keeps_erases()) survival_.synced();
}

void Life::act_and_end() {
  static_cast<void>(computer_.cut_off(1 + random_below(computer_.random(), 30), [&] { act(); }));
  computer_.end_process();
}

void Life::sync_twice() {
  computer_.env().fail_at(1 + random_below(computer_.random(), 10), {.how = Fault::How::lost_sync});
  for (int i = 0; i < 2; ++i) {
    try {
      computer_.store().sync();
      survival_.synced();
    } catch (const Error&) {
      require(computer_.env().fired(), "only a fault makes a sync fail");
    }
  }
  computer_.env().heal();
}

void Life::recover() {
  Random& random = computer_.random();
  while (one_in(random, 3)) {
    static_cast<void>(computer_.cut_off(1 + random_below(random, 25), [&] {
      computer_.open();
      static_cast<void>(computer_.store().list());
    }));
    computer_.end_process();
  }
  computer_.open();
  if (computer_.take_was_repaired()) survival_.repaired();
  survival_.found(computer_.store());
  computer_.check_sound();
}

}  // namespace accrete::test
