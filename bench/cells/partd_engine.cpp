// partd: a dictionary for each batch. It is a module of Python, for the interpreter that its users have: the library of
// that interpreter, which a program could have in it, is a fifth slower.
#include <csignal>
#include <ctime>
#include <deque>
#include <pthread.h>
#include <pybind11/eval.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "engine.hpp"

namespace bench {
namespace {

namespace py = pybind11;

/// A kind is named after its class in partd. A server is over what it has by default, but in its working directory; it
/// flushes when it is told by a signal: clients have no call for that.
constexpr const char* python_code = R"(
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # before a library has threads
import numpy, partd, partd.zmq

def buffer(file):
    return partd.Buffer(partd.Dict(), file, available_memory=1e9)  # its default

class Session:
    def __init__(self, kind, path, address, durable):
        self.kind = kind
        self.options = {"fsync": True} if durable else {}
        if kind == "Server":
            self.store = partd.zmq.Client(address)
            self.store.socket.poll()  # the connection stands; the client itself takes the message
        else:
            file = partd.File(path)
            self.store = {"File": lambda: file, "Buffer": lambda: buffer(file), "Numpy": lambda: partd.Numpy(file)}[kind]()

    def make_dictionary(self, entries):
        joined = {}
        for key, value in entries:
            joined.setdefault(key, []).append(value)
        finish = numpy.frombuffer if self.kind == "Numpy" else bytes
        return {key: finish(b"".join(values)) for key, values in joined.items()}

    def append(self, dictionary):
        self.store.append(dictionary, **self.options)

    def flush(self):
        if self.kind == "Buffer":
            self.store.flush()
        if self.kind == "Server":
            self.store.socket.recv_multipart()  # its acknowledgement

    def drop(self):
        self.store.drop()
        if self.kind == "Server":
            self.store.socket.recv_multipart()  # which drop() does not wait for

def serve():
    store = buffer(partd.File("partd"))
    server = partd.zmq.Server(store, hostname="127.0.0.1")
    print(server.address.decode() + " serves", flush=True)
    while signal.sigwait({signal.SIGUSR1}):
        store.flush()
        print("flushed", flush=True)
)";

py::str name_of_key(std::string_view key) { return {key.data(), key.size()}; }

/// Its users have a dictionary with the entries of each key joined, as append() takes no other: making it does not
/// count.
class PartdSession : public Session {
 public:
  PartdSession(py::object session, bool is_alone) : session_(std::move(session)), is_alone_(is_alone) {}

  /// Several processes would hold each other up while they make dictionaries. One alone makes each in its turn, so that
  /// what partd keeps of them counts as memory.
  void prepare(Cursor cursor, std::span<Entry> batch) override {
    if (is_alone_) return;
    while (const std::size_t count = cursor.next(batch)) prepared_.push_back(make_dictionary(batch.first(count)));
  }

  void append(std::span<const Entry> batch) override {
    if (is_alone_) {
      const std::clock_t cpu_begin = std::clock();
      uncounted_.seconds += seconds_of([&] { prepared_.push_back(make_dictionary(batch)); });
      uncounted_.cpu_seconds += static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
    }
    session_.attr("append")(std::move(prepared_.front()));
    prepared_.pop_front();
  }

  void flush() override { session_.attr("flush")(); }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    py::list names;
    for (const std::string_view key : keys) names.append(name_of_key(key));
    for (const py::handle value : session_.attr("store").attr("get")(names)) {
      const py::buffer_info bytes = py::reinterpret_borrow<py::buffer>(value).request();
      sink({static_cast<const char*>(bytes.ptr), static_cast<std::size_t>(bytes.size * bytes.itemsize)});
    }
  }

  [[nodiscard]] Taken uncounted() const override { return uncounted_; }

 private:
  py::object make_dictionary(std::span<const Entry> batch) {
    py::list entries;
    for (const auto& [key, bytes] : batch)
      entries.append(py::make_tuple(name_of_key(key), py::bytes(bytes.data(), bytes.size())));
    return session_.attr("make_dictionary")(entries);
  }

  py::object session_;
  bool is_alone_;
  std::deque<py::object> prepared_;
  Taken uncounted_;
};

std::string address_of(const ServerProcess& server) {
  const std::string& output = server.output();
  const std::size_t begin = output.find("tcp://");
  return output.substr(begin, output.find(' ', begin) - begin);
}

Engine make_engine(const std::string& kind, const CellOptions& setup) {
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
    return scope["Session"](kind, (setup.directory / "partd").string(), server ? address_of(*server) : "",
                            setup.durable);
  };
  engine.open = [=, is_alone = setup.processes == 1 && !engine.server] {
    return std::make_unique<PartdSession>(connect(), is_alone);
  };
  engine.destroy = [=] { connect().attr("drop")(); };
  return engine;
}

void add(const std::string& kind, const char* title, Level level) {
  const auto make = [=](const CellOptions& setup) { return make_engine(kind, setup); };
  const auto version = py::module::import("partd").attr("__version__").cast<std::string>();
  Traits traits{.level = level, .processes = true, .server = kind == "Server", .durable = level == Level::os};
  traits.numeric = kind == "Numpy";
  traits.bytes = !traits.numeric;
  add_engine({"partd." + kind, title, version, make, traits});
}

}  // namespace
}  // namespace bench

PYBIND11_MODULE(partd_cell, module) {
  (void)::pthread_atfork(PyOS_BeforeFork, PyOS_AfterFork_Parent, PyOS_AfterFork_Child);
  bench::add("File", "partd, File", bench::Level::os);
  bench::add("Buffer", "partd, Buffer over File", bench::Level::memory);
  bench::add("Server", "partd, Client and Server", bench::Level::memory);
  bench::add("Numpy", "partd, Numpy over File", bench::Level::os);
  module.def("main", &bench::exit_code_of);
}
