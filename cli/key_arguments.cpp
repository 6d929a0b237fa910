#include "cli/key_arguments.hpp"

#include <cstdlib>

#include "base/escape.hpp"
#include "cli/program.hpp"
#include "net/curve.hpp"
#include "net/endpoint.hpp"
#include "os/env.hpp"

namespace accrete::cli {
namespace {

constexpr const char* server_key_variable = "ACCRETE_SERVER_KEY";
constexpr const char* key_variable = "ACCRETE_KEY";

/// What an option says, and where it stands for messages.
struct Setting {
  std::string name;
  std::string value;  ///< empty: none
};

/// An option that is given, be it as empty, wins over the environment.
Setting setting_of(const char* option, const std::optional<std::string>& given, const char* variable) {
  if (given) return {.name = option, .value = *given};
  const char* const value = std::getenv(variable);
  return {.name = variable, .value = value ? value : ""};
}

void refuse_off_tcp(const char* option, const std::optional<std::string>& given, const std::string& dataset) {
  if (!given || given->empty()) return;
  throw UsageError(std::string(option) + " goes only with tcp://HOST:PORT, and " + accrete::quoted(dataset) +
                   " is another place: leave it out, since no key is asked for there");
}

std::string public_key_of(const Setting& setting) {
  if (!is_curve_key(setting.value)) return read_public_key(setting.value);
  if (!posix_env().info(setting.value)) return setting.value;
  throw UsageError(setting.name + " " + accrete::quoted(setting.value) +
                   " is a key and the name of a file: write ./ before the name if the file is meant");
}

KeyPair key_pair_of(const Setting& setting) {
  if (is_curve_key(setting.value) && !posix_env().info(setting.value)) {
    throw UsageError(setting.name +
                     " takes the name of a file that accrete keygen has written, not the key itself, which others "
                     "could see there");
  }
  return read_key_pair(setting.value);
}

}  // namespace

void KeyArguments::add_to(CLI::App& command) {
  command
      .add_option("--server-key", server_key_,
                  "On TCP, the server's public key, or the file that holds it (or ACCRETE_SERVER_KEY)")
      ->type_name("KEY");
  command
      .add_option("--key", key_file_,
                  "On TCP, the file of this client's secret key, of accrete keygen (or ACCRETE_KEY)")
      ->type_name("FILE");
}

void KeyArguments::apply_to(ClientOptions& client, const std::string& dataset) const {
  if (!is_tcp(dataset)) {
    refuse_off_tcp("--server-key", server_key_, dataset);
    refuse_off_tcp("--key", key_file_, dataset);
    return;
  }
  const Setting server_key = setting_of("--server-key", server_key_, server_key_variable);
  const Setting key_file = setting_of("--key", key_file_, key_variable);
  if (!server_key.value.empty()) client.server_key = public_key_of(server_key);
  if (key_file.value.empty()) return;
  if (server_key.value.empty()) {
    throw UsageError(key_file.name + " is of no use without the server's public key: give --server-key, or set " +
                     server_key_variable);
  }
  client.keys = key_pair_of(key_file);
}

}  // namespace accrete::cli
