// accrete serve, stop, keygen: the caching server of a dataset.
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/escape.hpp"
#include "cli/program.hpp"
#include "layer/buffered_store.hpp"
#include "net/curve.hpp"
#include "net/endpoint.hpp"
#include "net/server_file.hpp"
#include "os/env.hpp"
#include "os/lock_holder.hpp"
#include "os/private_files.hpp"
#include "os/stop_signals.hpp"
#include "server/server.hpp"
#include "store/files_parts.hpp"

namespace accrete::cli {
namespace {

/// The socket of a served dataset: in the dataset, or elsewhere if its path would be too long there.
class SocketPlace {
 public:
  explicit SocketPlace(const std::string& dataset) {
    std::optional<std::string> inside = socket_endpoint(dataset);
    if (!inside) inside = socket_endpoint(elsewhere_.emplace().path());
    endpoint_ = inside.value();
  }

  [[nodiscard]] const std::string& endpoint() const noexcept { return endpoint_; }

 private:
  std::optional<PrivateDirectory> elsewhere_;
  std::string endpoint_;
};

/// The server's description in its dataset, as long as this object lives.
class Announcement {
 public:
  Announcement(Directory& dataset, const ServerFile& description) : dataset_(dataset) {
    save_server_file(dataset, description);
  }

  ~Announcement() {
    try {
      remove_server_file(dataset_);
    } catch (const Error& error) {
      Program::say(error.what());  // one that is left behind misleads nobody: the dataset's lock is free
    }
  }
  Announcement(const Announcement&) = delete;
  Announcement& operator=(const Announcement&) = delete;

 private:
  Directory& dataset_;
};

class ServeArguments {
 public:
  void add_to(CLI::App& command);
  void run(Program& program) const;

 private:
  void check_combination() const;
  [[nodiscard]] Durability durability() const;
  [[nodiscard]] std::optional<ServerCurve> curve() const;
  [[nodiscard]] server::ServerOptions server_options() const;

  DatasetArguments dataset_;
  std::vector<std::string> binds_;
  std::uint64_t memory_bytes_ = std::uint64_t{1} << 30;
  std::string durability_ = "os";
  std::uint64_t max_message_bytes_ = server::ServerOptions{}.max_message_bytes;
  std::size_t max_clients_ = server::ServerOptions{}.max_clients;
  std::string server_key_;
  std::string allowed_keys_;
  bool insecure_ = false;
};

void ServeArguments::add_to(CLI::App& command) {
  dataset_.add_to(command);
  const CLI::AsSizeValue size(true);  // 1 MB is 1,000,000 bytes, 1 MiB is 1,048,576
  command
      .add_option("--bind", binds_, "Listen there too: tcp://ADDRESS:PORT (* is a free port) or ipc://PATH; repeatable")
      ->take_all()
      ->expected(1)
      ->type_name("ENDPOINT");
  command.add_option("--memory", memory_bytes_, "Gather appends in so much memory, such as 4GB (1GiB if not given)")
      ->transform(size)
      ->type_name("SIZE");
  command.add_option("--durability", durability_, "What an acknowledged append survives: nothing, kill -9, power loss")
      ->check(CLI::IsMember({"memory", "os", "sync"}).description(""))
      ->type_name("memory|os|sync")
      ->capture_default_str();
  command.add_option("--max-message", max_message_bytes_, "Disconnect who sends a longer message (4MiB if not given)")
      ->transform(size)
      ->type_name("SIZE");
  command.add_option("--max-clients", max_clients_, "Refuse further ones")
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--server-key", server_key_, "On TCP, speak CURVE with this secret key, of accrete keygen")
      ->type_name("FILE");
  command.add_option("--allow-client-keys", allowed_keys_, "Public keys of the clients that may connect, one a line")
      ->type_name("FILE");
  command.add_flag("--insecure", insecure_, "Let whoever reaches the endpoints read and change the dataset");
  command.footer(
      "Programs that open the dataset by its path find the server by themselves. SIGTERM, SIGINT and accrete stop end\n"
      "it: what it has received is applied, acknowledged and flushed; a second signal ends it at once and leaves\n"
      "the flush to the journal.\n"
      "When it is ready it prints one line on standard output; its log goes to standard error (ACCRETE_LOG=debug for\n"
      "more of it).\n\n"
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

Durability ServeArguments::durability() const {
  if (durability_ == "memory") return Durability::memory;
  return durability_ == "sync" ? Durability::sync : Durability::os;
}

std::optional<ServerCurve> ServeArguments::curve() const {
  if (server_key_.empty()) return std::nullopt;
  ServerCurve curve{.keys = load_key_pair(server_key_)};
  if (!allowed_keys_.empty()) curve.allowed_clients = load_allowed_keys(allowed_keys_);
  return curve;
}

/// All but the dataset's own socket.
server::ServerOptions ServeArguments::server_options() const {
  return {.endpoints = binds_,
          .durability = durability(),
          .max_message_bytes = max_message_bytes_,
          .max_clients = max_clients_,
          .memory_bytes = memory_bytes_,
          .curve = curve()};
}

void ServeArguments::run(Program& program) const {
  check_combination();
  // The options are looked at first: a mistake in them must not wait for the dataset's lock.
  server::ServerOptions serving = server_options();
  StopSignals signals;
  OpenOptions options = dataset_.options();
  options.buffer = BufferOptions{.limit_bytes = memory_bytes_};
  options.durability = durability();
  const std::unique_ptr<BufferedStore> store = open_buffered_files(posix_env(), dataset_.dataset, options);
  const std::string path = absolute_path(dataset_.dataset);
  const SocketPlace socket(path);
  serving.endpoints.insert(serving.endpoints.begin(), socket.endpoint());
  server::Server server(*store, std::move(serving));
  const std::unique_ptr<Directory> directory = open_dataset_directory(posix_env(), path);
  const Announcement announcement(*directory, server.description());
  std::string line = "accrete: serving " + accrete::escape(dataset_.dataset) + " at";
  for (const ServedEndpoint& endpoint : server.description().endpoints) line += " " + accrete::escape(endpoint.address);
  program.out().write(line + "\n");
  program.out().flush();
  server.run(&signals);
}

class StopArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.footer(
        "Sends SIGTERM to the server of the dataset and waits until it has flushed and gone. The exit code is 1 if "
        "none\n"
        "runs, and 3 if it is not gone in time.\n\n"
        "Example:\n  accrete stop flights\n");
  }

  void run(Program&) const {
    const std::unique_ptr<Directory> directory = open_dataset_directory(posix_env(), dataset_.dataset);
    (void)load_marker(*directory);
    const std::string lock = directory->path() + "/" + lock_name;
    const std::optional<std::int64_t> holder = lock_holder(lock);
    const std::optional<ServerFile> server = holder ? try_load_server_file(*directory) : std::nullopt;
    if (holder == 0 && server) {
      throw Error("cannot stop the server of " + accrete::quoted(dataset_.dataset) +
                  ": it runs on another host or in another container; stop it there");
    }
    if (!server || server->process != *holder) {
      throw NotFoundError("cannot stop the server of " + accrete::quoted(dataset_.dataset) + ": none runs");
    }
    ask_to_end(*holder);
    wait_until_gone(lock, *holder);
  }

 private:
  void wait_until_gone(const std::string& lock, std::int64_t process) const {
    constexpr std::chrono::milliseconds pause{10};
    const auto end = std::chrono::steady_clock::now() + dataset_.options().lock_timeout;
    while (lock_holder(lock) == process) {
      if (std::chrono::steady_clock::now() >= end) {
        throw TimeoutError("cannot see the end of the server of " + accrete::quoted(dataset_.dataset) + ": process " +
                           std::to_string(process) + " still flushes; wait longer, it has been told to stop");
      }
      std::this_thread::sleep_for(pause);
    }
  }

  DatasetArguments dataset_;
};

class KeygenArguments {
 public:
  void add_to(CLI::App& command) {
    command.add_option("FILE", file_, "Where the secret key goes; the public one goes to FILE.pub")
        ->required()
        ->type_name("");
    command.footer(
        "Makes a pair of CURVE keys, for a server or a client. The secret file is readable by its owner alone. A\n"
        "server's list of clients is their public files put together.\n\n"
        "Example:\n"
        "  accrete keygen server.key\n"
        "  accrete keygen client.key\n"
        "  cat client.key.pub >> clients\n"
        "  accrete serve flights --bind 'tcp://*:5555' --server-key server.key --allow-client-keys clients\n");
  }

  void run(Program& program) const {
    const KeyPair keys = make_key_pair();
    save_key_pair(keys, file_);
    program.out().write(keys.public_key + "\n");
  }

 private:
  std::string file_;
};

}  // namespace

void add_serve_command(CLI::App& app, Program& program) {
  add_command<ServeArguments>(app, program, "serve", "Gather appends of many programs in memory, until it is stopped");
}

void add_stop_command(CLI::App& app, Program& program) {
  add_command<StopArguments>(app, program, "stop", "End the server of a dataset");
}

void add_keygen_command(CLI::App& app, Program& program) {
  add_command<KeygenArguments>(app, program, "keygen", "Make a pair of keys for a server or a client on a network");
}

}  // namespace accrete::cli
