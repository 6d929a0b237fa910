// `.server` in a dataset that is served: where its server listens.
//
//   server_file = "accrete server\n" "format 1\n" "incarnation " uuid "\n" "process " 1*DIGIT "\n" 1*endpoint
//                 "checksum " 16HEX "\n"
//   endpoint    = "endpoint " address "\n" ["public_key " 40Z85 "\n"]
//
// The key, which stands where an endpoint asks for CURVE, is the server's. An address has its bytes as escape.hpp
// writes them; the one that is reached best stands first. `checksum` is as in dataset/marker.hpp. The file is written
// whole under another name, synced and renamed, and removed when the server ends. It may outlive a server that was
// killed: only the dataset's lock and its owner in `.control` say whether one runs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/env.hpp"

namespace accrete {

struct ServedEndpoint {
  std::string address{};
  std::string public_key{};  ///< in Z85; empty: no CURVE

  friend bool operator==(const ServedEndpoint&, const ServedEndpoint&) = default;
};

struct ServerFile {
  std::array<std::byte, 16> incarnation{};
  std::int64_t process = 0;
  std::vector<ServedEndpoint> endpoints{};

  friend bool operator==(const ServerFile&, const ServerFile&) = default;
};

[[nodiscard]] std::string encode_server_file(const ServerFile& file);

/// Throws CorruptionError, or UnsupportedError for a newer format. `path` is for messages.
[[nodiscard]] ServerFile decode_server_file(std::string_view text, const std::string& path);

/// nullopt if the dataset has none. Throws as decode_server_file does.
[[nodiscard]] std::optional<ServerFile> try_load_server_file(Directory& dataset);

/// For the server. Replaces whatever is there but a directory with files in it (ExistsError), and survives power loss.
void save_server_file(Directory& dataset, const ServerFile& file);

/// For the server, before it listens: removes what stands at the socket's name and is none.
void make_way_for_socket(Directory& dataset);

/// Removes it, and the socket, if they are there.
void remove_server_file(Directory& dataset);

/// The endpoint of a dataset's socket; nullopt if its path is longer than a socket's may be.
[[nodiscard]] std::optional<std::string> socket_endpoint(const std::string& absolute_directory);

}  // namespace accrete
