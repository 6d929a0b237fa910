// partd: a dictionary for each batch. It is a module of Python, for the interpreter that its users have: the library of
// that interpreter, which a program could have in it, is a fifth slower.
#include <chrono>
#include <csignal>
#include <ctime>
#include <deque>
#include <pybind11/eval.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>
#include <unordered_map>

#include "engine.hpp"

namespace bench {
namespace {

namespace py = pybind11;

/// `open` opens what is named after its class in partd. A server is over what it has by default, but in its working
/// directory; it flushes when it is told by a signal: clients have no call for that.
constexpr const char* python_code = R"(
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # before a library has threads
import numpy, partd, partd.zmq

memory = 1e9  # what partd.Buffer has by default

def open(kind, path, address):
    if kind == "Server":
        client = partd.zmq.Client(address)
        client.socket.poll()  # the connection stands; the client itself takes the message
        return client
    file = partd.File(path)
    if kind == "Buffer":
        return partd.Buffer(partd.Dict(), file, available_memory=memory)
    return partd.Numpy(file) if kind == "Numpy" else file

def serve():
    store = partd.Buffer(partd.Dict(), partd.File("partd"), available_memory=memory)
    server = partd.zmq.Server(store, hostname="127.0.0.1")
    print(server.address.decode() + " serves", flush=True)
    while signal.sigwait({signal.SIGUSR1}):
        store.flush()
        print("flushed", flush=True)
)";

/// Its users have a dictionary with the entries of each key joined, as append() takes no other: making it does not
/// count.
class PartdSession : public Session {
 public:
  PartdSession(py::object store, std::string kind, bool durable, bool is_alone)
      : store_(std::move(store)), kind_(std::move(kind)), is_alone_(is_alone) {
    if (durable) options_["fsync"] = true;
  }

  /// Several processes would hold each other up while they make dictionaries. One alone makes each in its turn, so that
  /// what partd keeps of them counts as memory.
  void prepare(Cursor cursor, std::span<Entry> batch) override {
    if (is_alone_) return;
    while (const std::size_t count = cursor.next(batch)) prepared_.push_back(make_dictionary(batch.first(count)));
  }

  void append(std::span<const Entry> batch) override { store_.attr("append")(next_dictionary(batch), **options_); }

  void flush() override {
    if (kind_ == "Buffer") store_.attr("flush")();
    if (kind_ == "Server") take_acknowledgement();
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

  [[nodiscard]] Taken uncounted() const override { return uncounted_; }

  void drop() {
    store_.attr("drop")();
    if (kind_ == "Server") take_acknowledgement();  // which drop() does not wait for
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
      if (kind_ == "Numpy") value = py::module::import("numpy").attr("frombuffer")(value);
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
    const std::clock_t cpu_begin = std::clock();
    py::dict dictionary = make_dictionary(batch);
    uncounted_.cpu_seconds += static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
    uncounted_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return dictionary;
  }

  py::object store_;
  std::string kind_;
  py::dict options_;  // of append()
  bool is_alone_;
  std::unordered_map<std::string_view, py::object> names_;
  std::deque<py::dict> prepared_;
  Taken uncounted_;
};

std::string address_of(const ServerProcess& server) {
  const std::string& output = server.output();
  const std::size_t begin = output.find("tcp://");
  return output.substr(begin, output.find(' ', begin) - begin);
}

/// Forked processes have to tell Python.
void notice_fork() {
  static pid_t process = ::getpid();
  if (const pid_t before = std::exchange(process, ::getpid()); before != process) PyOS_AfterFork_Child();
}

Engine make_engine(const std::string& kind, const CellOptions& setup) {
  notice_fork();
  py::dict scope;
  py::exec(python_code, scope);
  Engine engine;
  if (kind == "Server") {
    const auto python = py::module::import("sys").attr("executable").cast<std::string>();
    const std::vector<std::string> command = {python, "-c", std::string(python_code) + "serve()"};
    engine.server = std::make_shared<ServerProcess>(command, setup.directory, " serves");
    engine.flush = [server = engine.server] {
      ::kill(server->pid(), SIGUSR1);
      server->wait_for("flushed");
    };
  }
  const auto connect = [=, server = engine.server] {
    notice_fork();
    py::object store = scope["open"](kind, (setup.directory / "partd").string(), server ? address_of(*server) : "");
    return std::make_unique<PartdSession>(std::move(store), kind, setup.durable, setup.processes == 1 && !server);
  };
  engine.open = connect;
  engine.destroy = [=] { connect()->drop(); };
  return engine;
}

void add(const std::string& kind, const char* title, Level level) {
  add_engine({.name = "partd." + kind,
              .title = title,
              .version = py::module::import("partd").attr("__version__").cast<std::string>(),
              .level = level,
              .processes = true,
              .server = kind == "Server",
              .bytes = kind != "Numpy",
              .numeric = kind == "Numpy",
              .durable = level == Level::os,
              .make = [=](const CellOptions& setup) { return make_engine(kind, setup); }});
}

}  // namespace
}  // namespace bench

PYBIND11_MODULE(partd_cell, module) {
  bench::add("File", "partd, File", bench::Level::os);
  bench::add("Buffer", "partd, Buffer over File", bench::Level::memory);
  bench::add("Server", "partd, Client and Server", bench::Level::memory);
  bench::add("Numpy", "partd, Numpy over File", bench::Level::os);
  module.def("main", &bench::exit_code_of);
}
