#include "api/datasets.hpp"

#include <utility>

#include "api/layouts.hpp"
#include "dataset/create.hpp"
#include "dataset/destroy.hpp"
#include "dataset/directory.hpp"
#include "dataset/marker.hpp"
#include "dataset/sweep.hpp"
#include "layer/buffered/buffer_recovery.hpp"
#include "layer/compressed/compressed_store.hpp"
#include "net/find_server.hpp"

namespace accrete {
namespace {

struct OpenDirectory {
  std::shared_ptr<Directory> directory;
  const Layout& layout;
};

/// If the marker is damaged, it is not known of which layout the dataset is: most are of the first.
OpenDirectory open_directory(Env& env, const std::string& path) {
  std::shared_ptr<Directory> directory = open_dataset_directory(env, path);
  try {
    const Layout& layout = layout_of(load_marker(*directory), *directory, layouts());
    return {.directory = std::move(directory), .layout = layout};
  } catch (const CorruptionError&) {
    return {.directory = std::move(directory), .layout = *layouts().front()};
  }
}

void refuse_durability(Durability wanted, const Layout& layout) {
  if (wanted != Durability::replicated || layout.default_durability() == Durability::replicated) return;
  throw UnsupportedError("the layout '" + std::string(layout.name()) +
                         "' keeps a dataset on one machine: its appends survive power loss at most (Durability::sync)");
}

}  // namespace

FoundDataset find_dataset(Env& env, const std::string& path) {
  std::shared_ptr<Directory> directory = open_dataset_directory(env, path);
  Marker marker = load_marker(*directory);
  const Layout& layout = layout_of(marker, *directory, layouts());
  return {.place = {.directory = std::move(directory), .marker = std::move(marker), .layers = buffer_recovery()},
          .layout = layout};
}

void create_dataset(Env& env, const std::string& path, const CreateOptions& options) {
  const Layout& layout = find_layout(options.layout, layouts());
  if (options.adopt) return adopt_dataset(env, path, options, layout, buffer_recovery());
  create_dataset(env, path, options, layout);
}

std::shared_ptr<DatasetLock> create_temporary_dataset(Env& env, const std::string& path) {
  return create_temporary_dataset(env, path, *layouts().front());
}

std::unique_ptr<Store> open_dataset(Env& env, FoundDataset found, const OpenOptions& options) {
  if (options.buffer) return open_buffered_dataset(env, std::move(found), options);
  return with_codec(found.layout.open(env, std::move(found.place), options), options.compressed);
}

std::unique_ptr<Store> open_dataset(Env& env, const std::string& path, const OpenOptions& options) {
  return open_dataset(env, find_dataset(env, path), options);
}

std::unique_ptr<OwnedDataset> open_owned_dataset(Env& env, const std::string& path, const OpenOptions& options) {
  FoundDataset found = find_dataset(env, path);
  return found.layout.open_owned(env, std::move(found.place), options);
}

std::unique_ptr<BufferedStore> open_buffered_dataset(Env& env, FoundDataset found, const OpenOptions& options) {
  const Durability durability = options.durability.value_or(found.layout.default_durability());
  refuse_durability(durability, found.layout);
  std::unique_ptr<OwnedDataset> dataset = found.layout.open_owned(env, std::move(found.place), options);
  OwnedDataset& owned = *dataset;
  const BufferedDatasetOptions buffering{.buffer = options.buffer.value_or(BufferOptions{}),
                                         .durability = durability,
                                         .file_size_limit = env.file_size_limit(),
                                         .on_lost_appends = options.on_lost_appends};
  return buffered_dataset(with_codec(std::move(dataset), options.compressed), owned, buffering);
}

std::unique_ptr<BufferedStore> open_buffered_dataset(Env& env, const std::string& path, const OpenOptions& options) {
  return open_buffered_dataset(env, find_dataset(env, path), options);
}

VerifyReport verify_dataset(Env& env, const std::string& path, const VerifyOptions& options) {
  const auto [directory, layout] = open_directory(env, path);
  return layout.verify(env, directory, buffer_recovery(), options);
}

void destroy_dataset(Env& env, const std::string& path) { destroy_dataset(env, path, layouts()); }

std::optional<ServerFile> find_server(Env& env, const std::string& path) {
  const auto [directory, layout] = open_directory(env, path);
  return find_server(*directory, layout);
}

void refuse_if_served(Env& env, const std::string& path, std::string_view action) {
  const auto [directory, layout] = open_directory(env, path);
  refuse_if_served(*directory, layout, action);
}

void refuse_linked_copy(Env& env, const std::string& path, std::string_view action) {
  const auto [directory, layout] = open_directory(env, path);
  refuse_linked_copy(*directory, layout, action);
}

std::vector<std::string> sweep_datasets(Env& env, const std::string& dir) {
  return sweep_datasets(env, dir, layouts());
}

}  // namespace accrete
