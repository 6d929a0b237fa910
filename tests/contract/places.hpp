// The places of the contract suite: every store, and each way to open it that makes a difference.
#pragma once

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <memory>
#include <tuple>
#include <type_traits>

#include "api/datasets.hpp"
#include "api/layouts.hpp"
#include "contract/place.hpp"
#include "contract/served_place.hpp"
#include "os/env.hpp"
#include "support/campaign.hpp"
#include "support/fault_env.hpp"
#include "support/records_layout.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {

/// Whatever stands over a layout does over another one.
inline const bool has_records_layout = (add_layout(records_layout()), true);

class MemoryPlace final : public Place {
 public:
  [[nodiscard]] Store& store() override { return *store_; }
  void reopen() override {}
  void check_sound() override {
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
class FilesPlace : public SharedPlace {
 public:
  FilesPlace() : FilesPlace(real_env(), {}) {}

  [[nodiscard]] Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = another();
  }
  [[nodiscard]] std::unique_ptr<Store> another() override { return open_dataset(*env_, path(), options_); }
  void check_sound() override { check_report(verify_dataset(*env_, path(), {}), store_->stats()); }
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

 protected:
  FilesPlace(std::shared_ptr<Env> env, const OpenOptions& options) : env_(std::move(env)), options_(options) {
    create_dataset(*env_, path(), {});
    store_ = FilesPlace::another();
  }
  [[nodiscard]] static std::shared_ptr<Env> real_env() { return {std::shared_ptr<Env>(), &posix_env()}; }

 private:
  std::shared_ptr<Env> env_;
  OpenOptions options_;
  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

/// Batches of the suite have far more keys than its descriptor cache.
class FewDescriptorsPlace final : public FilesPlace {
 public:
  FewDescriptorsPlace() : FilesPlace(real_env(), {.max_open_files = 4}) {}
};

/// What processes share is written and read instead of mapped, as on a file system that does not overwrite in place.
class WrittenPlace final : public FilesPlace {
 public:
  WrittenPlace() : FilesPlace(std::make_shared<FaultEnv>(posix_env()), {}) {}
};

/// By the public functions alone.
template <Values values, Lies lies = Lies::in_files>
class UrlPlace final : public SharedPlace {
 public:
  UrlPlace() {
    create(url(), create_options(values, lies));
    reopen();
  }

  [[nodiscard]] Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = another();
  }
  [[nodiscard]] std::unique_ptr<Store> another() override { return open(url()); }
  void check_sound() override { check_report(verify(url()), store_->stats()); }

 private:
  [[nodiscard]] std::string url() const { return directory_ / "dataset"; }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

/// A buffer so small that it often hands down in the middle of a case.
inline constexpr BufferOptions small_buffer{.limit_bytes = std::uint64_t{1} << 20};

/// Layers over a store in memory.
template <std::unique_ptr<Store> make()>
class LayersPlace final : public Place {
 public:
  [[nodiscard]] Store& store() override { return *store_; }
  void reopen() override {}
  void check_sound() override {}

 private:
  std::unique_ptr<Store> store_ = make();
};

inline std::unique_ptr<Store> buffered_memory() { return buffered(memory_store(), small_buffer); }
/// By the codec of this number among those of the build.
template <std::size_t codec>
std::unique_ptr<Store> compressed_memory() {
  return compressed(memory_store(), parse_codec(codec_names()[codec % codec_names().size()]));
}
inline std::unique_ptr<Store> buffered_compressed_memory() { return buffered(compressed_memory<1>(), small_buffer); }
inline std::unique_ptr<Store> compressed_buffered_memory() {
  return compressed(buffered_memory(), parse_codec(codec_names().back()));
}

class BufferedFilesPlace final : public Place {
 public:
  BufferedFilesPlace() {
    create(path());
    reopen();
  }
  [[nodiscard]] Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = buffered(open(path()), small_buffer);
  }
  void check_sound() override {
    const Stats stats = store_->stats();
    store_->flush();
    check_report(verify(path()), stats);
  }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

/// A dataset that the Store has for itself, with a journal but at the level `memory`.
template <Durability durability, Values values = Values::raw, Lies lies = Lies::in_files>
class OwnedPlace final : public Place {
 public:
  OwnedPlace() {
    create(path(), create_options(values, lies));
    reopen();
  }
  [[nodiscard]] Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = open(path(), {.buffer = small_buffer, .durability = durability});
  }
  void check_sound() override {
    const Stats stats = store_->stats();
    store_.reset();
    check_report(verify(path()), stats);
    reopen();
  }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

using EveryPlace =
    std::tuple<MemoryPlace, FilesPlace, FewDescriptorsPlace, WrittenPlace, UrlPlace<Values::raw>,
               LayersPlace<buffered_memory>, BufferedFilesPlace, OwnedPlace<Durability::memory>,
               OwnedPlace<Durability::os>, OwnedPlace<Durability::sync>, IpcPlace, TcpPlace,
               LayersPlace<compressed_memory<0>>, LayersPlace<compressed_memory<1>>, LayersPlace<compressed_memory<2>>,
               LayersPlace<compressed_memory<3>>, LayersPlace<compressed_memory<4>>, LayersPlace<compressed_memory<5>>,
               LayersPlace<compressed_memory<6>>, LayersPlace<buffered_compressed_memory>,
               LayersPlace<compressed_buffered_memory>, UrlPlace<Values::compressed>,
               OwnedPlace<Durability::os, Values::compressed>, CompressedIpcPlace,
               UrlPlace<Values::raw, Lies::in_records>, OwnedPlace<Durability::os, Values::raw, Lies::in_records>,
               OwnedPlace<Durability::sync, Values::compressed, Lies::in_records>, RecordsIpcPlace>;
using EverySharedPlace = std::tuple<FilesPlace, FewDescriptorsPlace, WrittenPlace, UrlPlace<Values::raw>,
                                    UrlPlace<Values::compressed>, UrlPlace<Values::raw, Lies::in_records>>;

template <typename Place, typename... Kinds>
constexpr bool is_one_of(std::tuple<Kinds...>*) {
  return (std::is_same_v<Place, Kinds> || ...);
}

/// One of each kind, for builds with a sanitizer: what the others add, the plain build looks for.
using OnePlaceAKind =
    std::tuple<MemoryPlace, FilesPlace, FewDescriptorsPlace, WrittenPlace, UrlPlace<Values::compressed>,
               LayersPlace<buffered_memory>, BufferedFilesPlace, OwnedPlace<Durability::os>,
               OwnedPlace<Durability::sync, Values::compressed, Lies::in_records>, IpcPlace, TcpPlace,
               LayersPlace<compressed_memory<0>>, LayersPlace<compressed_buffered_memory>>;
template <typename... Kinds>
constexpr bool are_places(std::tuple<Kinds...>*) {
  return (is_one_of<Kinds>(static_cast<EveryPlace*>(nullptr)) && ...);
}
static_assert(are_places(static_cast<OnePlaceAKind*>(nullptr)));

template <typename Place>
[[nodiscard]] bool is_left_out() {
  return is_cut_short() && !is_one_of<Place>(static_cast<OnePlaceAKind*>(nullptr));
}

}  // namespace accrete::test

// The body of the case follows. It is compiled once, not once for each place.
#define ACCRETE_CASE_OVER(Places, Interface, name, body)  \
  static void body(Interface& place);                     \
  TEST_CASE_TEMPLATE_DEFINE(name, PlaceType, body##_in) { \
    if (is_left_out<PlaceType>()) return;                 \
    PlaceType place;                                      \
    body(place);                                          \
  }                                                       \
  TEST_CASE_TEMPLATE_APPLY(body##_in, Places);            \
  static void body(Interface& place)

/// A case of the contract, in every place (with a sanitizer, in one of each kind); its body sees it as `place`.
#define CONTRACT_CASE(name, body) ACCRETE_CASE_OVER(EveryPlace, Place, name, body)
/// The same, in every place that takes several Stores at once.
#define SHARED_CONTRACT_CASE(name, body) ACCRETE_CASE_OVER(EverySharedPlace, SharedPlace, name, body)
