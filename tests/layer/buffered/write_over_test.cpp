// Tests of a buffer that could begin its journal's other segment early, and fails to: what it has is room yet.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <doctest/doctest.h>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/datasets.hpp"
#include "dataset/names.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/hooked_store.hpp"
#include "support/model.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t segment_bytes = std::uint64_t{1} << 20;
/// What Buffered makes of it.
constexpr std::uint64_t write_over_bytes = segment_bytes / 4;
constexpr std::uint64_t piece_bytes = std::uint64_t{8} << 10;
/// Memory is not short before the journal is full, so that nothing is handed down.
constexpr BufferOptions memory{.limit_bytes = 16 * segment_bytes};
constexpr std::uint64_t file_size_limit = segment_bytes + buffer_segment_unit;

std::unique_ptr<BufferedStore> buffered(std::unique_ptr<Store> below, OwnedDataset& dataset) {
  return buffered_dataset(std::move(below), dataset, {.buffer = memory, .file_size_limit = file_size_limit});
}

/// Of the segment that is written to.
std::uint64_t segment_of(const std::string& path) {
  std::uint64_t number = 0;
  for (const char* const name : buffer_journal_names) {
    number = std::max(number, decode_buffer_segment_front(read_file(path + "/" + name)).value().number);
  }
  return number;
}

/// The n-th of one writer's batches, to two keys.
OwnedBatch batch(std::uint64_t n) {
  return {.entries = {{n % 2 == 0 ? "even" : "odd", std::to_string(n) + std::string(piece_bytes, ';')}},
          .options = {.id = BatchId{writer_id(1), n}}};
}

/// A buffer over a dataset, the batches that it has acknowledged, and what should be there.
class Writing {
 public:
  Writing(Store& store, std::string path) : store_(store), path_(std::move(path)) {}

  [[nodiscard]] std::uint64_t segment() const { return segment_of(path_); }

  void append() {
    const OwnedBatch next = batch(count_ + 1);
    store_.append_batch(next.view(), next.options);
    ++count_;
    model_.append_batch(next.view(), next.options);
  }
  template <typename Condition>
  void append_until(Condition condition) {
    while (!condition()) {
      REQUIRE(count_ < segment_bytes / piece_bytes);  // before the journal is full
      append();
    }
  }

  /// What a kill at this moment leaves holds all that was acknowledged, once, and a batch that is sent again is not
  /// applied again.
  void check_killed_now() const {
    const TemporaryDirectory directory{memory_directory()};
    const std::string killed = directory / "killed";
    fs::copy(path_, killed, fs::copy_options::recursive);
    {
      const std::unique_ptr<Store> store = open(killed);
      CHECK(difference(*store, model_) == "");
      CHECK(store->last_sequence(writer_id(1)) == count_);
      const OwnedBatch last = batch(count_);
      store->append_batch(last.view(), last.options);
      CHECK(difference(*store, model_) == "");
    }
    CHECK(verify(killed).problems.empty());
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] const Model& model() const noexcept { return model_; }

 private:
  Store& store_;
  const std::string path_;
  std::uint64_t count_ = 0;
  Model model_;
};

/// A buffer over a dataset that fails when it is told of ids, until it is healed.
class Refused {
 public:
  Refused() {
    create(path_);
    dataset_ = open_owned_dataset(posix_env(), path_, {});
    auto hooked = std::make_unique<HookedStore>(*dataset_);
    hooked->before = [this](HookedStore::Call call, std::string_view key) {
      if (call != HookedStore::Call::append || !key.empty()) return;
      ++told_;
      fails_ = fails_ && told_ < 100;  // or a test that fails would not end
      if (fails_) throw IoError("reach", "the store", EIO);
    };
    store_ = buffered(std::move(hooked), *dataset_);
  }

  void heal() noexcept { fails_ = false; }
  /// How often it was tried.
  [[nodiscard]] std::uint64_t told() const noexcept { return told_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] OwnedDataset& dataset() noexcept { return *dataset_; }
  [[nodiscard]] Store& store() noexcept { return *store_; }
  void close() {
    store_.reset();
    dataset_.reset();
  }

 private:
  bool fails_ = true;
  std::uint64_t told_ = 0;
  const TemporaryDirectory directory_{memory_directory()};
  const std::string path_ = directory_ / "dataset";
  std::unique_ptr<OwnedDataset> dataset_;
  std::unique_ptr<BufferedStore> store_;
};

TEST_CASE("appends go on while the store below cannot be told of ids, and it is not tried with each") {
  Refused buffer;
  Writing writing(buffer.store(), buffer.path());
  writing.append_until([&] { return buffer.told() == 1; });
  CHECK(writing.count() * piece_bytes >= write_over_bytes);
  CHECK(writing.segment() == 1);
  writing.check_killed_now();

  // It is put off.
  const std::uint64_t count = writing.count();
  writing.append_until([&] { return buffer.told() == 2; });
  CHECK((writing.count() - count) * piece_bytes >= write_over_bytes - piece_bytes);
  CHECK(writing.segment() == 1);
  writing.check_killed_now();
  CHECK(buffer.dataset().last_sequence(writer_id(1)) == std::nullopt);
  buffer.heal();
}

TEST_CASE("once the store below can be told of ids again, the other segment is begun") {
  Refused buffer;
  Writing writing(buffer.store(), buffer.path());
  writing.append_until([&] { return buffer.told() == 1; });
  buffer.heal();
  writing.append_until([&] { return writing.segment() == 2; });
  CHECK(buffer.told() == 2);
  CHECK(buffer.dataset().last_sequence(writer_id(1)) == writing.count() - 1);
  writing.check_killed_now();
  CHECK(buffer.dataset().stats().keys == 0);  // nothing has been handed down
  CHECK(difference(buffer.store(), writing.model()) == "");
  buffer.close();
  CHECK(difference(*open(buffer.path()), writing.model()) == "");
}

TEST_CASE("what is put off by a failure is tried again as soon as usual in the next segment") {
  Refused buffer;
  Writing writing(buffer.store(), buffer.path());
  writing.append_until([&] { return buffer.told() == 1; });
  buffer.heal();
  writing.append_until([&] { return writing.segment() == 2; });
  CHECK(writing.count() * piece_bytes >= 2 * write_over_bytes - piece_bytes);
  buffer.store().flush();
  const std::uint64_t count = writing.count();
  writing.append_until([&] { return writing.segment() == 3; });
  CHECK((writing.count() - count) * piece_bytes <= write_over_bytes + piece_bytes);
  writing.check_killed_now();
}

/// So many threads append, each to a key of its own. Returns how many appends were refused.
int append_at_once(Store& store, std::uint64_t writers, std::uint64_t pieces, const std::string& piece) {
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&, key = std::to_string(writer)] {
      for (std::uint64_t i = 0; i < pieces; ++i) {
        try {
          store.append(key, piece);
        } catch (const Error&) {
          ++refused;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return refused;
}

TEST_CASE("threads that append at once go on while the other segment cannot be begun") {
  constexpr std::uint64_t writers = 4;
  constexpr std::uint64_t pieces = 200;
  const std::string piece(1000, 'x');
  REQUIRE(writers * pieces * piece.size() < segment_bytes);
  Refused buffer;
  Store& store = buffer.store();
  store.append_batch({}, {.id = BatchId{writer_id(1), 1}});
  CHECK(append_at_once(store, writers, pieces, piece) == 0);
  CHECK(buffer.told() >= 2);
  CHECK(buffer.told() <= writers * segment_bytes / write_over_bytes);
  CHECK(segment_of(buffer.path()) == 1);
  for (std::uint64_t writer = 0; writer < writers; ++writer) {
    CHECK(store.size(std::to_string(writer)) == pieces * piece.size());
  }
  buffer.heal();
}

/// One run in which the n-th operation of an append fails that begins the other segment before. False if there was no
/// n-th operation.
bool begin_with_fault(const Fault& fault, std::uint64_t n, int& put_off) {
  const TemporaryDirectory directory{memory_directory()};
  const std::string path = directory / "dataset";
  FaultEnv env(posix_env(), FaultEnv::Syncs::counted, file_size_limit);
  create_dataset(env, path, {});
  const std::unique_ptr<BufferedStore> store = open_buffered_dataset(env, path, {.buffer = memory});
  Writing writing(*store, path);
  while (writing.count() * piece_bytes < write_over_bytes) writing.append();
  REQUIRE(writing.segment() == 1);
  env.fail_at(n, fault);
  bool returned = true;
  try {
    writing.append();
  } catch (const Error&) {
    returned = false;
  }
  const bool fired = env.fired();
  env.heal();
  const bool is_put_off = fired && writing.segment() == 1;
  // Only its own record may be what it cannot write, unless nothing can be written any more.
  CHECK((returned || !is_put_off || fault.how == Fault::How::short_for_good));
  put_off += is_put_off ? 1 : 0;
  writing.check_killed_now();
  writing.append();
  writing.check_killed_now();
  writing.append_until([&] { return writing.segment() == 2; });
  writing.append();
  writing.check_killed_now();
  return fired;
}

TEST_CASE("an append is kept whichever operation of beginning the other segment fails before it") {
  for (const Fault::How how : {Fault::How::once, Fault::How::short_write, Fault::How::short_for_good}) {
    const Fault fault{.how = how};
    int put_off = 0;
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      CAPTURE(static_cast<int>(how));
      CAPTURE(n);
      fired = begin_with_fault(fault, n, put_off);
    }
    CHECK(put_off > 2);
  }
}

}  // namespace
}  // namespace accrete::test
