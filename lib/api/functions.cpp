// The four functions and the factories, on the real Env.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "api/datasets.hpp"
#include "base/escape.hpp"
#include "base/foreign_errors.hpp"
#include "base/interruption.hpp"
#include "base/path.hpp"
#include "net/client.hpp"
#include "net/endpoint.hpp"
#include "net/find_server.hpp"

namespace accrete {
namespace {

constexpr std::chrono::milliseconds max_pause{200};

std::string path_of(std::string_view url) {
  if (url.empty()) throw InvalidArgumentError("the URL of a dataset is empty; give the path of its directory");
  check_no_nul(url);
  if (has_endpoint_scheme(url)) {
    throw UnsupportedError("cannot create, verify or remove a dataset by way of its server " + quoted(url) +
                           ": give the path of its directory, on its host");
  }
  const std::size_t colon = url.find("://");
  if (colon != std::string_view::npos && url.find('/') == colon + 1) {
    throw UnsupportedError("cannot use " + quoted(url) + ": this version of accrete knows no URLs with the scheme " +
                           quoted(url.substr(0, colon)) + ", only paths, ipc:// and tcp://");
  }
  return std::string(url);
}

ClientOptions client_options(const OpenOptions& options, const ServedEndpoint& endpoint) {
  ClientOptions client = options.client;
  if (client.server_key.empty()) client.server_key = endpoint.public_key;
  return client;
}

/// True if the server has removed its socket, in a directory that this process sees: it hands down what it has, and
/// goes.
bool is_ending(const ServedEndpoint& endpoint) {
  const std::optional<std::string> socket = socket_path(endpoint.address);
  if (!socket || posix_env().info(*socket)) return false;
  return posix_env().info(socket->substr(0, socket->rfind('/'))).has_value();
}

/// nullptr if the server has ended meanwhile.
std::unique_ptr<Store> try_connect(const OpenDirectory& found, const ServerFile& server, const OpenOptions& options) {
  const ServedEndpoint& endpoint = server.endpoints.front();
  const ClientOptions client = client_options(options, endpoint);
  const auto begin = std::chrono::steady_clock::now();
  const auto deadline = begin + client.timeout;
  // Short attempts, since a server that is ending answers no more, and then the files can be used.
  const Patience patience{.opening = std::chrono::seconds{1}};
  std::chrono::milliseconds pause{10};
  for (;;) {
    try {
      // Over a socket: who is on another host may see older files (NFS).
      const bool reads_directly = found.marker && !is_tcp(endpoint.address);
      auto reader = reads_directly ? found.layout.try_open_directly(find_dataset(found).place) : nullptr;
      return connect(endpoint.address, client, patience, std::move(reader), options.on_lost_appends);
    } catch (const NetworkError&) {
      // Nothing answers at all, such as where the socket lies in a /tmp that this process does not see.
      const auto max_wait = is_ending(endpoint) ? client.timeout : std::min(client.timeout, client.connect_timeout);
      if (std::chrono::steady_clock::now() >= begin + max_wait) throw;
    } catch (const TimeoutError&) {
      if (std::chrono::steady_clock::now() >= deadline) throw;
    }
    if (find_server(*found.directory, found.layout) != server) return nullptr;
    throw_if_interrupted();
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(2 * pause, max_pause);
  }
}

std::unique_ptr<Store> open_url(std::string_view url, const OpenOptions& options) {
  if (has_endpoint_scheme(url)) return connect(std::string(url), options.client, {}, nullptr, options.on_lost_appends);
  const std::string path = path_of(url);
  for (;;) {
    OpenDirectory found = open_directory(posix_env(), path);
    const std::optional<ServerFile> server = find_server(*found.directory, found.layout);
    if (!server) return open_dataset(posix_env(), find_dataset(std::move(found)), options);
    if (std::unique_ptr<Store> client = try_connect(found, *server, options)) return client;
  }
}

}  // namespace

void create(std::string_view url, const CreateOptions& options) {
  without_foreign_errors("create a dataset", [&] { create_dataset(posix_env(), path_of(url), options); });
}

void put(std::string_view url, std::span<const Entry> entries, const AppendOptions& options) {
  open(url, {.client = {.ack = Acknowledgement::each}})->append_batch(entries, options);
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

void destroy(std::string_view url) {
  without_foreign_errors("destroy a dataset", [&] {
    const std::string path = path_of(url);
    if (posix_env().info(path)) refuse_if_served(posix_env(), path, "destroy");
    destroy_dataset(posix_env(), path);
  });
}

std::unique_ptr<Store> open(std::string_view url, const OpenOptions& options) {
  return without_foreign_errors("open a dataset", [&] { return open_url(url, options); });
}

std::vector<std::string> sweep(std::string_view dir) {
  return without_foreign_errors("sweep a directory", [&] { return sweep_datasets(posix_env(), path_of(dir)); });
}

VerifyReport verify(std::string_view url, const VerifyOptions& options) {
  return without_foreign_errors("verify a dataset", [&] {
    const std::string path = path_of(url);
    refuse_if_served(posix_env(), path, "verify");
    return verify_dataset(posix_env(), path, options);
  });
}

DatasetInfo info(std::string_view url) {
  return without_foreign_errors("read a dataset's marker", [&]() -> DatasetInfo {
    Marker marker = find_dataset(posix_env(), path_of(url)).place.marker;
    return {.format_version = marker.format,
            .layout = std::move(marker.layout),
            .codec = marker.codec ? marker.codec->name() : "none",
            .uuid = std::move(marker.uuid)};
  });
}

}  // namespace accrete
