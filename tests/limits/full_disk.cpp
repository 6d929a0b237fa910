// What happens on a disk that is full: full_disk DIRECTORY, on a small file system of its own. See full_disk.sh.
#include "limits/full_disk.hpp"

#include <accrete/accrete.hpp>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <sys/mount.h>

#include "support/model.hpp"
#include "support/random_bytes.hpp"
#include "support/require.hpp"

namespace {

using namespace accrete;
using namespace accrete::test;
namespace fs = std::filesystem;

OwnedBatch random_batch(Random& random, std::uint64_t sequence, bool sync) {
  OwnedBatch batch;
  for (std::size_t left = 1 + random_below(random, 20); left > 0; --left) {
    const std::string key = "key" + std::to_string(random_below(random, 30));
    batch.entries.emplace_back(one_in(random, 4) ? key + std::string(300, '.') : key,
                               random_bytes(random, random_below(random, 6000)));
  }
  batch.options = {.sync = sync, .id = BatchId{writer_id(1), sequence}};
  return batch;
}

void check(const std::string& url, const Store& store, const Model& model) {
  const std::string found = difference(store, model);
  require(found.empty(), "the store holds what was acknowledged; but " + found);
  const VerifyReport report = verify(url);
  require(report.problems.empty(), report.problems.empty() ? "" : "verify finds nothing: " + report.problems.front());
}

/// Appends until the disk is full some times; each time nothing is lost, and it goes on once there is room.
void fill_with_batches(const std::string& directory, const std::optional<Codec>& codec, bool sync) {
  const std::string url = directory + "/dataset";
  create(url, {.codec = codec});
  std::unique_ptr<Store> store = open(url);
  Model model;
  Random random(sync ? 1 : 2);
  int full = 0;
  std::uint64_t sequence = 0;
  for (int batches = 0; full < 12; ++batches) {
    require(batches < 100'000, "a disk of a few megabytes is full at some time");
    const OwnedBatch batch = random_batch(random, ++sequence, sync);
    try {
      store->append_batch(batch.view(), batch.options);
      model.append_batch(batch.view(), batch.options);
    } catch (const DiskFullError&) {
      ++full;
      check(url, *store, model);
      if (full % 2 == 0) store = open(url);
      // Removing needs no room.
      store->erase("key" + std::to_string(full));
      model.erase("key" + std::to_string(full));
      if (full % 4 != 0) continue;
      store->drop();
      model.drop();
      store->append_batch(batch.view(), batch.options);
      model.append_batch(batch.view(), batch.options);
      check(url, *store, model);
    }
  }
  destroy(url);
  require(fs::is_empty(directory), "destroy leaves nothing");
}

void work_without_any_room(const std::string& directory) {
  const std::string url = directory + "/dataset";
  create(url);
  put(url, {{"a", "old"}, {"b", "old"}});
  const std::unique_ptr<Store> store = open(url);
  {
    const Ballast ballast(directory + "/ballast");
    const std::string bytes(10'000, 'x');
    for (const AppendOptions& options :
         {AppendOptions{}, AppendOptions{.sync = true}, AppendOptions{.id = BatchId{writer_id(1), 1}}}) {
      bool refused = false;
      try {
        const std::vector<Entry> entries = {{"a", "x"}, {"new", "x"}, {"b", bytes}};
        store->append_batch(entries, options);
      } catch (const DiskFullError&) {
        refused = true;
      }
      require(refused, "a full disk is DiskFullError");
      require(store->get("a") == "old" && store->get("b") == "old" && !store->size("new"), "nothing was applied");
    }
    try {
      create(directory + "/another");
      require(false, "there is no room for another dataset");
    } catch (const DiskFullError&) {
      require(!fs::exists(directory + "/another"), "a create that failed leaves nothing");
    }
    require(open(url)->get("a") == "old", "a dataset on a full disk is opened");
    require(verify(url).problems.empty(), "and verified");
    store->erase("b");
  }
  store->append("a", "er");
  require(store->get("a") == "older", "it goes on once there is room");
  require(verify(url).problems.empty(), "and is sound");
  destroy(url);
}

/// As many keys as the file system has inodes.
void fill_with_names(const std::string& directory) {
  const std::string url = directory + "/dataset";
  create(url);
  const std::unique_ptr<Store> store = open(url);
  Model model;
  for (int i = 0;; ++i) {
    require(i < 1'000'000, "the names come to an end at some time");
    OwnedBatch batch;
    for (int k = 0; k < 7; ++k) batch.entries.emplace_back("key" + std::to_string(i * 7 + k), "x");
    try {
      store->append_batch(batch.view());
      model.append_batch(batch.view());
    } catch (const DiskFullError&) {
      break;
    }
  }
  check(url, *store, model);
  store->append("key0", "more");
  store->erase("key1");
  store->append("new", "fits");
  require(store->get("new") == "fits" && store->get("key0") == "xmore", "it goes on once there is a free name");
  destroy(url);
}

void read_only_mount(const std::string& directory) {
  const std::string url = directory + "/dataset";
  create(url);
  put(url, {{"a", "1"}});
  require(::mount(nullptr, directory.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0, "it can be remounted");
  const std::unique_ptr<Store> store = open(url);
  require(store->get("a") == "1" && store->stats().keys == 1 && store->list().size() == 1, "it is read");
  for (const std::function<void()>& change : std::vector<std::function<void()>>{
           [&] { store->append("a", "x"); }, [&] { store->erase("a"); }, [&] { store->drop(); },
           [&] { create(directory + "/another"); }, [&] { destroy(url); }}) {
    try {
      change();
      require(false, "a change of a read-only mount throws");
    } catch (const ReadOnlyError&) {
      // as it should
    }
  }
  require(verify(url).problems.empty(), "it can be verified");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: full_disk bytes|names|read-only|served DIRECTORY\n";
    return 2;
  }
  try {
    const std::string what = argv[1];
    const std::string directory = argv[2];
    if (what == "bytes") {
      work_without_any_room(directory);
      for (const bool sync : {false, true}) {
        fill_with_batches(directory, std::nullopt, sync);
        fill_with_batches(directory, parse_codec(codec_names().back()), sync);
      }
    } else if (what == "names") {
      fill_with_names(directory);
    } else if (what == "served") {
      serve_on_a_full_disk(directory);
    } else {
      read_only_mount(directory);
    }
  } catch (const std::exception& e) {
    std::cerr << "full_disk " << argv[1] << ": " << e.what() << "\n";
    return 1;
  }
  return 0;
}
