// The places that the contract suite puts a store into: every store, and each way to open it that makes a difference.
#pragma once

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <memory>
#include <tuple>

#include "contract/served_place.hpp"
#include "os/env.hpp"
#include "store/files_dataset.hpp"
#include "support/fault_env.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {

class MemoryPlace {
 public:
  [[nodiscard]] Store& store() { return *store_; }
  /// Closes the store and opens it again, where it outlives that.
  void reopen() {}
  /// Fails the test unless all is well by the store's own account.
  void check_sound() {
    Stats counted;
    for (const KeySize& entry : store_->list()) {
      ++counted.keys;
      counted.bytes += entry.size;
    }
    CHECK(store_->stats().keys == counted.keys);
    CHECK(store_->stats().bytes == counted.bytes);
  }

 private:
  std::unique_ptr<Store> store_ = memory_store();
};

/// A dataset in a directory of its own.
class FilesPlace {
 public:
  FilesPlace() : FilesPlace(real_env(), {}) {}

  [[nodiscard]] Store& store() { return *store_; }
  void reopen() {
    store_.reset();
    store_ = another();
  }
  /// One more Store on the same dataset.
  [[nodiscard]] std::unique_ptr<Store> another() { return open_files(*env_, path(), options_); }
  void check_sound() {
    const VerifyReport report = verify_files(*env_, path(), {});
    for (const std::string& problem : report.problems) FAIL_CHECK(problem);
    CHECK(store_->stats().keys == report.counted.keys);
    CHECK(store_->stats().bytes == report.counted.bytes);
  }
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

 protected:
  FilesPlace(std::shared_ptr<Env> env, const OpenOptions& options) : env_(std::move(env)), options_(options) {
    create_files(*env_, path(), {});
    store_ = another();
  }
  [[nodiscard]] static std::shared_ptr<Env> real_env() { return {std::shared_ptr<Env>(), &posix_env()}; }

 private:
  std::shared_ptr<Env> env_;
  OpenOptions options_;
  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

/// Batches of the suite have far more keys than its descriptor cache.
class FewDescriptorsPlace : public FilesPlace {
 public:
  FewDescriptorsPlace() : FilesPlace(real_env(), {.max_open_files = 4}) {}
};

/// What processes share is written and read instead of mapped, as on a file system that does not overwrite in place.
class WrittenPlace : public FilesPlace {
 public:
  WrittenPlace() : FilesPlace(std::make_shared<FaultEnv>(posix_env()), {}) {}
};

/// By the public functions alone.
class UrlPlace {
 public:
  UrlPlace() {
    create(url());
    reopen();
  }

  [[nodiscard]] Store& store() { return *store_; }
  void reopen() {
    store_.reset();
    store_ = another();
  }
  [[nodiscard]] std::unique_ptr<Store> another() { return open(url()); }
  void check_sound() {
    const VerifyReport report = verify(url());
    for (const std::string& problem : report.problems) FAIL_CHECK(problem);
    CHECK(store_->stats().keys == report.counted.keys);
    CHECK(store_->stats().bytes == report.counted.bytes);
  }

 private:
  [[nodiscard]] std::string url() const { return directory_ / "dataset"; }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

/// A buffer so small that it often hands down in the middle of a case.
inline constexpr BufferOptions small_buffer{.limit_bytes = std::uint64_t{1} << 20};

class BufferedMemoryPlace {
 public:
  [[nodiscard]] Store& store() { return *store_; }
  void reopen() {}
  void check_sound() {}

 private:
  std::unique_ptr<Store> store_ = buffered(memory_store(), small_buffer);
};

class BufferedFilesPlace {
 public:
  BufferedFilesPlace() {
    create(path());
    reopen();
  }
  [[nodiscard]] Store& store() { return *store_; }
  void reopen() {
    store_.reset();
    store_ = buffered(open(path()), small_buffer);
  }
  void check_sound() {
    const Stats stats = store_->stats();
    store_->flush();
    const VerifyReport report = verify(path());
    for (const std::string& problem : report.problems) FAIL_CHECK(problem);
    CHECK(stats.keys == report.counted.keys);
    CHECK(stats.bytes == report.counted.bytes);
  }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

/// A dataset that the Store has for itself, with a journal but at the level `memory`.
template <Durability durability>
class OwnedPlace {
 public:
  OwnedPlace() {
    create(path());
    reopen();
  }
  [[nodiscard]] Store& store() { return *store_; }
  void reopen() {
    store_.reset();
    store_ = open(path(), {.buffer = small_buffer, .durability = durability});
  }
  void check_sound() {
    const Stats stats = store_->stats();
    store_.reset();
    const VerifyReport report = verify(path());
    for (const std::string& problem : report.problems) FAIL_CHECK(problem);
    CHECK(stats.keys == report.counted.keys);
    CHECK(stats.bytes == report.counted.bytes);
    reopen();
  }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

using EveryPlace = std::tuple<MemoryPlace, FilesPlace, FewDescriptorsPlace, WrittenPlace, UrlPlace, BufferedMemoryPlace,
                              BufferedFilesPlace, OwnedPlace<Durability::memory>, OwnedPlace<Durability::os>,
                              OwnedPlace<Durability::sync>, IpcPlace, TcpPlace>;
/// Those that outlive a Store and take several at once.
using FilesPlaces = std::tuple<FilesPlace, FewDescriptorsPlace, WrittenPlace, UrlPlace>;

}  // namespace accrete::test
