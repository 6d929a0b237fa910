#include "net/server_file.hpp"

#include <accrete/error.hpp>
#include <charconv>

#include "base/escape.hpp"
#include "base/fields.hpp"
#include "dataset/marker.hpp"
#include "dataset/names.hpp"
#include "net/curve.hpp"
#include "net/endpoint.hpp"
#include "os/uuid.hpp"

namespace accrete {
namespace {

constexpr std::string_view first_line = "accrete server\n";
constexpr std::string_view format = "1";

[[noreturn]] void throw_damaged(const std::string& path, std::string_view what) {
  throw CorruptionError("the file " + quoted(path) + " is damaged: " + std::string(what) +
                        "; if no server runs, the next one writes it anew");
}

std::int64_t decode_process(std::optional<std::string_view> text, const std::string& path) {
  std::int64_t process = 0;
  if (!text) throw_damaged(path, "it has no process");
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), process);
  if (error != std::errc{} || end != text->data() + text->size() || process <= 0) {
    throw_damaged(path, "its process " + quoted(*text) + " is not a number");
  }
  return process;
}

std::vector<ServedEndpoint> decode_endpoints(std::string_view& text, const std::string& path) {
  std::vector<ServedEndpoint> endpoints;
  while (const auto address = take_field(text, "endpoint")) {
    ServedEndpoint& endpoint = endpoints.emplace_back(ServedEndpoint{.address = unescape(*address)});
    if (!is_endpoint(endpoint.address)) throw_damaged(path, "its endpoint " + quoted(endpoint.address) + " is none");
    const auto key = take_field(text, "public_key");
    if (!key) continue;
    if (!is_curve_key(*key)) throw_damaged(path, "its public key is none");
    endpoint.public_key = *key;
  }
  if (endpoints.empty()) throw_damaged(path, "it has no endpoint");
  return endpoints;
}

bool is_directory(const Directory& dataset, const char* name) {
  const std::optional<FileInfo> info = dataset.info(name);
  return info && info->type == FileType::directory;
}

/// Removes what stands at a name of the server's own, whatever it is.
void make_way(Directory& dataset, const char* name) {
  if (!is_directory(dataset, name)) {
    if (dataset.info(name)) dataset.remove(name);
    return;
  }
  if (dataset.try_remove_directory(name)) return;
  throw ExistsError("cannot serve " + quoted(dataset.path()) + ": " + quoted(name) +
                    " is a directory with files in it; move it away");
}

}  // namespace

std::string encode_server_file(const ServerFile& file) {
  std::string text(first_line);
  text += "format " + std::string(format) + "\n";
  text += "incarnation " + format_uuid(file.incarnation) + "\n";
  text += "process " + std::to_string(file.process) + "\n";
  for (const ServedEndpoint& endpoint : file.endpoints) {
    text += "endpoint " + escape(endpoint.address) + "\n";
    if (!endpoint.public_key.empty()) text += "public_key " + endpoint.public_key + "\n";
  }
  return text + checksum_line(text);
}

ServerFile decode_server_file(std::string_view text, const std::string& path) {
  const std::string_view whole = text;
  if (!text.starts_with(first_line)) throw_damaged(path, "it does not begin with 'accrete server'");
  text.remove_prefix(first_line.size());
  const auto found_format = take_field(text, "format");
  if (!found_format) throw_damaged(path, "it has no format");
  if (*found_format != format) {
    throw UnsupportedError("the server of " + quoted(path) + " wrote its file in the format " + quoted(*found_format) +
                           ", and this version of accrete reads " + quoted(format) + "; use the server's version");
  }
  ServerFile file;
  const auto incarnation = parse_uuid(take_field(text, "incarnation").value_or(""));
  if (!incarnation) throw_damaged(path, "its incarnation is missing or malformed");
  file.incarnation = *incarnation;
  file.process = decode_process(take_field(text, "process"), path);
  file.endpoints = decode_endpoints(text, path);
  const std::string_view covered = whole.substr(0, whole.size() - text.size());
  if (text != checksum_line(covered)) throw_damaged(path, "its checksum is missing or does not match");
  return file;
}

std::optional<ServerFile> try_load_server_file(Directory& dataset) {
  const std::unique_ptr<File> file = dataset.try_open(server_name, OpenMode::read);
  if (!file) return std::nullopt;
  constexpr std::uint64_t max_size = std::uint64_t{64} << 10;  // it is a few lines
  const std::string path = dataset.path() + "/" + server_name;
  const std::uint64_t size = file->size();
  if (size > max_size) throw_damaged(path, "it has " + std::to_string(size) + " bytes");
  std::string text(size, '\0');
  text.resize(file->read_at(0, text));
  return decode_server_file(text, path);
}

void save_server_file(Directory& dataset, const ServerFile& file) {
  make_way(dataset, staged_server_name);
  {
    const std::unique_ptr<File> staged = dataset.open(staged_server_name, OpenMode::create);
    staged->write_at(0, encode_server_file(file));
    staged->sync();
  }
  if (is_directory(dataset, server_name)) make_way(dataset, server_name);
  dataset.rename(staged_server_name, server_name);
  dataset.sync();
}

void remove_server_file(Directory& dataset) {
  for (const char* name : {server_name, socket_name}) make_way(dataset, name);
}

void make_way_for_socket(Directory& dataset) {
  const std::optional<FileInfo> info = dataset.info(socket_name);
  const bool may_be_socket = info && info->type == FileType::other;
  if (!may_be_socket) make_way(dataset, socket_name);
}

std::optional<std::string> socket_endpoint(const std::string& absolute_directory) {
  constexpr std::size_t max_path_size = 107;  // of sockaddr_un, without its zero
  const std::string path = absolute_directory + "/" + socket_name;
  if (path.size() > max_path_size) return std::nullopt;
  return "ipc://" + path;
}

}  // namespace accrete
