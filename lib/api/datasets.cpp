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

void refuse_replicated(Durability durability) {
  if (durability != Durability::replicated) return;
  throw UnsupportedError(
      "a buffer keeps its journal on one machine: what has been appended survives power loss at most "
      "(Durability::sync)");
}

}  // namespace

OpenDirectory open_directory(Env& env, const std::string& path) {
  std::shared_ptr<Directory> directory = open_dataset_directory(env, path);
  try {
    Marker marker = load_marker(*directory);
    const Layout& layout = layout_of(marker, *directory, layouts());
    return {.directory = std::move(directory), .layout = layout, .marker = std::move(marker)};
  } catch (const Error&) {
    return {
        .directory = std::move(directory), .layout = *layouts().front(), .marker_failure = std::current_exception()};
  }
}

FoundDataset find_dataset(OpenDirectory found) {
  if (!found.marker) std::rethrow_exception(found.marker_failure);
  return {.place = {.directory = std::move(found.directory),
                    .marker = *std::move(found.marker),
                    .layers = buffer_recovery()},
          .layout = found.layout};
}

FoundDataset find_dataset(Env& env, const std::string& path) { return find_dataset(open_directory(env, path)); }

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
  refuse_replicated(durability);
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
  const OpenDirectory found = open_directory(env, path);
  try {
    if (found.marker_failure) std::rethrow_exception(found.marker_failure);
  } catch (const CorruptionError&) {
    // That, too, is told. Of which layout the dataset is, is not known: most are of the first.
  }
  return found.layout.verify(env, found.directory, buffer_recovery(), options);
}

void destroy_dataset(Env& env, const std::string& path) { destroy_dataset(env, path, layouts()); }

void refuse_if_served(Env& env, const std::string& path, std::string_view action) {
  const OpenDirectory found = open_directory(env, path);
  refuse_if_served(*found.directory, found.layout, action);
}

void refuse_linked_copy(Env& env, const std::string& path, std::string_view action) {
  const OpenDirectory found = open_directory(env, path);
  refuse_linked_copy(*found.directory, found.layout, action);
}

std::vector<std::string> sweep_datasets(Env& env, const std::string& dir) {
  return sweep_datasets(env, dir, layouts());
}

}  // namespace accrete
