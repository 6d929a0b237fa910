// accrete serve: the caching server of a dataset.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "api/datasets.hpp"
#include "base/escape.hpp"
#include "base/hash.hpp"
#include "cli/number_arguments.hpp"
#include "cli/program.hpp"
#include "dataset/directory.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "net/curve.hpp"
#include "net/endpoint.hpp"
#include "os/env.hpp"
#include "os/private_files.hpp"
#include "os/service_manager.hpp"
#include "os/stop_signals.hpp"
#include "os/system.hpp"
#include "server/server.hpp"

namespace accrete::cli {
namespace {

/// The socket of a served dataset: in the dataset, or elsewhere if its path would be too long there.
class SocketPlace {
 public:
  explicit SocketPlace(const std::string& dataset) {
    std::optional<std::string> inside = socket_endpoint(dataset);
    // The name is the dataset's own, so that clients find the next server where the last one was.
    if (!inside) inside = socket_endpoint(elsewhere_.emplace(std::to_string(hash64(dataset))).path());
    endpoint_ = inside.value();
  }

  [[nodiscard]] const std::string& endpoint() const noexcept { return endpoint_; }

 private:
  std::optional<PrivateDirectory> elsewhere_;
  std::string endpoint_;
};

/// Of a server that has handed everything down. One that fails leaves its description behind, which `accrete stop`
/// takes for the sign of it, and which misleads nobody: the dataset's lock is free.
void withdraw(Directory& dataset) {
  try {
    remove_server_file(dataset);
  } catch (const Error& error) {
    Program::say(error.what());
  }
}

/// Says that it is ready. Whoever does not read that is served all the same.
void announce(Output& out, const std::string& dataset, const ServerFile& server) {
  std::string text = "serving " + accrete::escape(dataset) + " at";
  for (const ServedEndpoint& endpoint : server.endpoints) text += " " + accrete::escape(endpoint.address);
  try {
    out.write("accrete: " + text + "\n");
    out.flush();
  } catch (const ClosedPipe&) {
    Program::say("nobody reads standard output; " + text);
  } catch (const IoError& error) {
    Program::say(std::string(error.what()) + "; " + text);
  }
}

/// A pipe was read to its end when the server started: nothing would be left of the list.
std::vector<std::string> allowed_keys_again(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_fifo(path, ignored)) {
    throw Error("cannot read keys from " + accrete::quoted(path) +
                " once more: it is a pipe; start the server with the name of a file");
  }
  return load_allowed_keys(path);
}

class ServeArguments {
 public:
  void add_to(CLI::App& command);
  void run(Program& program) const;

 private:
  void check_combination() const;
  [[nodiscard]] std::optional<Durability> durability() const;
  [[nodiscard]] std::optional<ServerCurve> curve() const;
  [[nodiscard]] server::ServerOptions server_options() const;

  DirectoryArguments dataset_;
  std::vector<std::string> binds_;
  std::uint64_t memory_bytes_ = std::uint64_t{1} << 30;
  std::string durability_;  // empty: as the layout has it
  std::uint64_t max_message_bytes_ = server::ServerOptions{}.max_message_bytes;
  std::size_t max_clients_ = server::ServerOptions{}.max_clients;
  std::string server_key_;
  std::string allowed_keys_;
  bool insecure_ = false;
};

void ServeArguments::add_to(CLI::App& command) {
  dataset_.add_to(command);
  command
      .add_option("--bind", binds_, "Listen there too: tcp://ADDRESS:PORT (* is a free port) or ipc://PATH; repeatable")
      ->take_all()
      ->expected(1)
      ->type_name("ENDPOINT");
  add_size(command, "--memory", memory_bytes_, "Gather appends in so much memory, such as 4GB (1GiB if not given)")
      .type_name("SIZE");
  command
      .add_option("--durability", durability_,
                  "What an acknowledged append survives: nothing, kill -9, power loss (os if not given)")
      ->check(CLI::IsMember({"memory", "os", "sync"}).description(""))
      ->type_name("memory|os|sync");
  add_size(command, "--max-message", max_message_bytes_, "Disconnect who sends a longer message (64MiB if not given)")
      .type_name("SIZE");
  add_count(command, "--max-clients", max_clients_, "Refuse further ones", {.min = 1, .max = 1'000'000})
      .type_name("N")
      ->default_str(std::to_string(max_clients_));
  command.add_option("--server-key", server_key_, "On TCP, speak CURVE with this secret key, of accrete keygen")
      ->type_name("FILE");
  command.add_option("--allow-client-keys", allowed_keys_, "Public keys of the clients that may connect, one a line")
      ->type_name("FILE");
  command.add_flag("--insecure", insecure_, "Let whoever reaches the endpoints read and change the dataset");
  command.footer(
      "Programs that open the dataset by its path find the server by themselves. SIGTERM, SIGINT and accrete stop end\n"
      "it: what it has received is applied, acknowledged and flushed; a second signal ends it at once and leaves\n"
      "the flush to the journal. Before it is ready, the first one ends it at once. SIGHUP and others end nothing;\n"
      "SIGHUP, as accrete reload, has it read the file of --allow-client-keys again.\n"
      "When it is ready it prints one line on standard output, or on standard error where that is closed; its log "
      "goes\n"
      "to standard error (ACCRETE_LOG=debug for more of it; or info, warning, error, off).\n\n"
      "Example:\n"
      "  accrete serve flights\n"
      "  accrete serve flights --memory 4GB --durability sync --bind tcp://127.0.0.1:5555\n"
      "  accrete serve flights --bind 'tcp://*:5555' --server-key server.key --allow-client-keys clients\n");
}

void ServeArguments::check_combination() const {
  for (const std::string& endpoint : binds_) {
    if (!is_endpoint(endpoint)) {
      throw UsageError("--bind " + accrete::quoted(endpoint) +
                       " is no endpoint; one is tcp://ADDRESS:PORT or ipc://PATH");
    }
    if (is_local(endpoint) || !server_key_.empty() || insecure_) continue;
    throw UsageError("--bind " + accrete::quoted(endpoint) +
                     " can be reached from other hosts: give --server-key and --allow-client-keys, or --insecure if "
                     "whoever reaches it may read and change the dataset");
  }
  if (server_key_.empty() && !allowed_keys_.empty())
    throw UsageError("--allow-client-keys goes only with --server-key");
  if (!server_key_.empty() && allowed_keys_.empty() && !insecure_) {
    throw UsageError(
        "--server-key alone lets in whoever knows the server's public key: give --allow-client-keys too, or "
        "--insecure if that is enough");
  }
}

std::optional<Durability> ServeArguments::durability() const {
  if (durability_.empty()) return std::nullopt;
  if (durability_ == "memory") return Durability::memory;
  return durability_ == "sync" ? Durability::sync : Durability::os;
}

std::optional<ServerCurve> ServeArguments::curve() const {
  if (server_key_.empty()) return std::nullopt;
  ServerCurve curve{.keys = read_key_pair(server_key_)};
  if (!allowed_keys_.empty()) curve.allowed_clients = load_allowed_keys(allowed_keys_);
  return curve;
}

/// All but the dataset's own socket.
server::ServerOptions ServeArguments::server_options() const {
  return {.endpoints = binds_,
          .max_message_bytes = max_message_bytes_,
          .max_clients = max_clients_,
          .memory_bytes = memory_bytes_,
          .curve = curve(),
          .read_allowed_clients = allowed_keys_.empty() ? std::function<std::vector<std::string>()>{}
                                                        : [path = allowed_keys_] { return allowed_keys_again(path); }};
}

void ServeArguments::run(Program& program) const {
  check_combination();
  dataset_.refuse_endpoint("serve");
  // The options are looked at first: a mistake in them must not wait for the dataset's lock.
  server::ServerOptions serving = server_options();
  refuse_if_served(posix_env(), dataset_.dataset, "serve");
  refuse_linked_copy(posix_env(), dataset_.dataset, "serve");  // its lock may be held for long
  StopSignals signals(allowed_keys_.empty() ? StopSignals::Hangup::ignored : StopSignals::Hangup::counted);
  signals.let_stops_through();  // until there is something to hand down: a lock or a journal may take long
  constexpr std::uint64_t max_kept_memory = 64 << 20;
  keep_freed_memory(static_cast<int>(std::min(memory_bytes_ / 16, max_kept_memory)));
  OpenOptions options = dataset_.options();
  options.buffer = BufferOptions{.limit_bytes = memory_bytes_};
  options.durability = durability();
  options.on_lost_appends = [&program](std::string_view what) {
    Program::say(what);
    program.end_with(ExitCode::failed);
  };
  const std::unique_ptr<BufferedStore> store = open_buffered_dataset(posix_env(), dataset_.dataset, options);
  signals.hold_stops_back();
  const std::string path = absolute_path(dataset_.dataset);
  const SocketPlace socket(path);
  serving.endpoints.insert(serving.endpoints.begin(), socket.endpoint());
  const std::unique_ptr<Directory> directory = open_dataset_directory(posix_env(), path);
  make_way_for_socket(*directory);
  server::Server server(*store, std::move(serving));
  save_server_file(*directory, server.description());
  announce(program.out(), dataset_.dataset, server.description());
  if (const std::error_code error = notify_service_manager("READY=1")) {
    Program::say("cannot tell the service manager that the server is ready: " + error.message() +
                 "; look what NOTIFY_SOCKET names");
  }
  server.run(&signals);
  withdraw(*directory);
}

}  // namespace

void add_serve_command(CLI::App& app, Program& program) {
  add_command<ServeArguments>(app, program, "serve", "Gather appends of many programs in memory, until it is stopped");
}

}  // namespace accrete::cli
