// The four functions and the factories, on the real Env.
#include <accrete/accrete.hpp>

#include "base/escape.hpp"
#include "layer/buffered_store.hpp"
#include "store/files_dataset.hpp"
#include "store/files_parts.hpp"

namespace accrete {
namespace {

std::string path_of(std::string_view url) {
  if (url.empty()) throw InvalidArgumentError("the URL of a dataset is empty; give the path of its directory");
  if (url.find('\0') != std::string_view::npos) {
    throw InvalidArgumentError("the path " + quoted(url) + " has a NUL byte in it");
  }
  const std::size_t colon = url.find("://");
  if (colon != std::string_view::npos && url.find('/') == colon + 1) {
    throw UnsupportedError("cannot use " + quoted(url) + ": this version of accrete knows no URLs with the scheme " +
                           quoted(url.substr(0, colon)) + ", only paths");
  }
  return std::string(url);
}

}  // namespace

void create(std::string_view url, const CreateOptions& options) { create_files(posix_env(), path_of(url), options); }

void put(std::string_view url, std::span<const Entry> entries, const AppendOptions& options) {
  open(url)->append_batch(entries, options);
}

void put(std::string_view url, std::initializer_list<Entry> entries, const AppendOptions& options) {
  put(url, std::span(entries.begin(), entries.size()), options);
}

std::vector<std::string> get(std::string_view url, std::span<const std::string_view> keys) {
  return open(url)->get_batch(keys);
}

std::vector<std::string> get(std::string_view url, std::initializer_list<std::string_view> keys) {
  return get(url, std::span(keys.begin(), keys.size()));
}

void destroy(std::string_view url) { destroy_files(posix_env(), path_of(url)); }

std::unique_ptr<Store> open(std::string_view url, const OpenOptions& options) {
  if (options.buffer) return open_buffered_files(posix_env(), path_of(url), options);
  return open_files(posix_env(), path_of(url), options);
}

std::vector<std::string> sweep(std::string_view dir) { return sweep_files(posix_env(), path_of(dir)); }

VerifyReport verify(std::string_view url, const VerifyOptions& options) {
  return verify_files(posix_env(), path_of(url), options);
}

DatasetInfo info(std::string_view url) {
  const std::unique_ptr<Directory> directory = open_dataset_directory(posix_env(), path_of(url));
  Marker marker = load_marker(*directory);
  return {.format_version = marker.format,
          .layout = std::move(marker.layout),
          .codec = std::move(marker.codec),
          .uuid = std::move(marker.uuid)};
}

}  // namespace accrete
