// partd: a dictionary for each batch. It is a module of Python, for the interpreter that its users have: the library of
// that interpreter, which a program could have in it, is a fifth slower.
#include <chrono>
#include <csignal>
#include <ctime>
#include <deque>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>
#include <unordered_map>

#include "cell.hpp"
#include "registry.hpp"
#include "server_process.hpp"

namespace bench {
namespace {

namespace py = pybind11;

enum class Kind { file, buffer, server, numpy };

/// Over what a server has by default, but in its working directory. It flushes when it is told by a signal: clients
/// have no call for that.
constexpr const char* server_script = R"(
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
import partd
from partd.zmq import Server
store = partd.Buffer(partd.Dict(), partd.File("partd"), available_memory=1e9)
server = Server(store, hostname="127.0.0.1")
print(server.address.decode() + " serves", flush=True)
while signal.sigwait({signal.SIGUSR1}):
    store.flush()
    print("flushed", flush=True)
)";

double cpu_seconds() {
  timespec time{};
  (void)::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Its users have a dictionary with the entries of each key joined, as append() takes no other: making it does not
/// count.
class PartdSession : public Session {
 public:
  PartdSession(py::object store, Kind kind, bool durable, bool is_alone)
      : store_(std::move(store)), kind_(kind), durable_(durable), is_alone_(is_alone) {}

  /// Several processes would hold each other up while they make dictionaries. One alone makes each in its turn, so that
  /// what partd keeps of them counts as memory.
  void prepare(Cursor cursor, std::span<Entry> batch) override {
    if (is_alone_) return;
    while (const std::size_t count = cursor.next(batch)) prepared_.push_back(make_dictionary(batch.first(count)));
  }

  void append(std::span<const Entry> batch) override {
    const py::dict dictionary = next_dictionary(batch);
    if (durable_) {
      store_.attr("append")(dictionary, py::arg("fsync") = true);
    } else {
      store_.attr("append")(dictionary);
    }
  }

  void flush() override {
    if (kind_ == Kind::buffer) store_.attr("flush")();
    if (kind_ == Kind::server) take_acknowledgement();
  }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    py::list names;
    for (const std::string_view key : keys) names.append(name_of_key(key));
    const py::list values = store_.attr("get")(names);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const py::buffer_info bytes = py::buffer(values[i]).request();
      sink(i, {static_cast<const char*>(bytes.ptr), static_cast<std::size_t>(bytes.size * bytes.itemsize)});
    }
  }

  [[nodiscard]] Timed uncounted() const override { return uncounted_; }

  void drop() {
    store_.attr("drop")();
    if (kind_ == Kind::server) take_acknowledgement();  // which drop() does not wait for
  }

 private:
  void take_acknowledgement() { store_.attr("socket").attr("recv_multipart")(); }

  py::object name_of_key(std::string_view key) {
    py::object& name = names_[key];
    if (!name) name = py::str(key.data(), key.size());
    return name;
  }

  py::dict make_dictionary(std::span<const Entry> batch) {
    std::vector<std::pair<std::string_view, std::string>> joined;  // in the order in which the keys come
    std::unordered_map<std::string_view, std::size_t> places;
    for (const Entry& entry : batch) {
      const auto [place, is_new] = places.try_emplace(entry.key, joined.size());
      if (is_new) joined.emplace_back(entry.key, std::string());
      joined[place->second].second += entry.bytes;
    }
    py::dict dictionary;
    for (const auto& [key, bytes] : joined) {
      py::object value = py::bytes(bytes);
      if (kind_ == Kind::numpy) value = py::module::import("numpy").attr("frombuffer")(value);
      dictionary[name_of_key(key)] = std::move(value);
    }
    return dictionary;
  }

  py::dict next_dictionary(std::span<const Entry> batch) {
    if (!prepared_.empty()) {
      py::dict dictionary = std::move(prepared_.front());
      prepared_.pop_front();
      return dictionary;
    }
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = cpu_seconds();
    py::dict dictionary = make_dictionary(batch);
    uncounted_.usage.cpu_seconds += cpu_seconds() - cpu_begin;
    uncounted_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return dictionary;
  }

  py::object store_;
  Kind kind_;
  bool durable_;
  bool is_alone_;
  std::unordered_map<std::string_view, py::object> names_;
  std::deque<py::dict> prepared_;
  Timed uncounted_;
};

class PartdEngine : public Engine {
 public:
  PartdEngine(const CellOptions& setup, Kind kind)
      : kind_(kind), durable_(setup.durable), processes_(setup.processes), path_(setup.directory / "partd") {
    for (const char* name : {"numpy", "partd.zmq"}) py::module::import(name);  // forked processes then have them
    if (kind != Kind::server) return;
    const auto python = py::module::import("sys").attr("executable").cast<std::string>();
    server_.emplace(std::vector<std::string>{python, "-c", server_script}, setup.directory, " serves");
  }

  std::unique_ptr<Session> open() override { return connect(); }

  void flush() override {
    if (!server_) return;
    ::kill(server_->pid(), SIGUSR1);
    server_->wait_for("flushed");
  }

  void destroy() override {
    connect()->drop();
    std::filesystem::remove_all(path_);
  }

  [[nodiscard]] std::optional<pid_t> server() const override {
    return server_ ? std::optional(server_->pid()) : std::nullopt;
  }

 private:
  std::unique_ptr<PartdSession> connect() {
    if (::getpid() != process_) {
      PyOS_AfterFork_Child();
      process_ = ::getpid();
    }
    return std::make_unique<PartdSession>(open_store(), kind_, durable_, processes_ == 1 && kind_ != Kind::server);
  }

  [[nodiscard]] py::object open_store() const {
    const py::module partd = py::module::import("partd");
    if (kind_ == Kind::server) return open_client();
    py::object file = partd.attr("File")(path_.string());
    if (kind_ == Kind::numpy) return partd.attr("Numpy")(file);
    if (kind_ == Kind::file) return file;
    constexpr double buffer_bytes = 1e9;  // what partd.Buffer has by default
    return partd.attr("Buffer")(partd.attr("Dict")(), file, py::arg("available_memory") = buffer_bytes);
  }

  [[nodiscard]] py::object open_client() const {
    const std::string said = server_->output();
    const std::size_t begin = said.find("tcp://");
    py::object client =
        py::module::import("partd.zmq").attr("Client")(said.substr(begin, said.find(' ', begin) - begin));
    client.attr("socket").attr("poll")();  // the connection stands; the client itself takes the message
    return client;
  }

  Kind kind_;
  bool durable_;
  std::size_t processes_;
  std::filesystem::path path_;
  pid_t process_ = ::getpid();
  std::optional<ServerProcess> server_;
};

EngineType make_type(const char* name, const char* title, Kind kind, Level level) {
  const bool has_files = kind == Kind::file || kind == Kind::numpy;
  return {.description = {.name = name,
                          .title = title,
                          .family = "partd",
                          .version = py::module::import("partd").attr("__version__").cast<std::string>(),
                          .level = level,
                          .processes = true,
                          .server = kind == Kind::server,
                          .bytes = kind != Kind::numpy,
                          .numeric = kind == Kind::numpy,
                          .durable = has_files},
          .make = [=](const CellOptions& setup) { return std::make_unique<PartdEngine>(setup, kind); }};
}

}  // namespace

const std::vector<EngineType>& engine_types() {
  static const std::vector<EngineType> types = {
      make_type("partd.File", "partd, File", Kind::file, Level::os),
      make_type("partd.Buffer", "partd, Buffer over File", Kind::buffer, Level::memory),
      make_type("partd.Server", "partd, Client and Server", Kind::server, Level::memory),
      make_type("partd.Numpy", "partd, Numpy over File", Kind::numpy, Level::os)};
  return types;
}

}  // namespace bench

PYBIND11_MODULE(partd_cell, module) {
  module.def("main", [](std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    return bench::exit_code_of(static_cast<int>(arguments.size()), arguments.data());
  });
}
