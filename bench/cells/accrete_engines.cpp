// accrete: its files, its buffer, its server, its codecs and its arrays of numbers.
#include <accrete/accrete.hpp>
#include <accrete/numeric.hpp>
#include <chrono>
#include <cstring>

#include "registry.hpp"
#include "server_process.hpp"

namespace bench {
namespace {

/// What the engines differ in.
struct Kind {
  std::optional<accrete::Codec> codec{};
  bool buffer = false;
  bool server = false;
  bool numeric = false;
  accrete::Durability durability = accrete::Durability::os;
};

const char* name_of(accrete::Durability durability) {
  if (durability == accrete::Durability::memory) return "memory";
  return durability == accrete::Durability::os ? "os" : "sync";
}

Level level_of(accrete::Durability durability) {
  if (durability == accrete::Durability::memory) return Level::memory;
  return durability == accrete::Durability::os ? Level::os : Level::sync;
}

void append_to(accrete::Store& store, std::span<const Entry> batch, const accrete::AppendOptions& options) {
  if (batch.size() == 1 && !options.sync) return store.append(batch[0].key, batch[0].bytes);
  store.append_batch(batch, options);
}

void get_from(const accrete::Store& store, std::span<const std::string_view> keys, const Sink& sink) {
  const std::vector<std::string> values = store.get_batch(keys);
  for (std::size_t i = 0; i < values.size(); ++i) sink(i, values[i]);
}

class StoreSession : public Session {
 public:
  StoreSession(std::unique_ptr<accrete::Store> store, bool durable)
      : store_(std::move(store)), options_{.sync = durable} {}

  void append(std::span<const Entry> batch) override { append_to(*store_, batch, options_); }
  void flush() override { store_->flush(); }
  void get(std::span<const std::string_view> keys, const Sink& sink) override { get_from(*store_, keys, sink); }

 private:
  std::unique_ptr<accrete::Store> store_;
  accrete::AppendOptions options_;
};

class NumericSession : public Session {
 public:
  NumericSession(std::unique_ptr<accrete::Store> store, bool durable)
      : arrays_(std::move(store)), options_{.sync = durable} {}

  void append(std::span<const Entry> batch) override {
    entries_.clear();
    for (const Entry& entry : batch) {
      // The pool holds doubles, and slices of it begin at them.
      const auto* const numbers = reinterpret_cast<const double*>(entry.bytes.data());
      entries_.push_back({.key = entry.key, .elements = {numbers, entry.bytes.size() / sizeof(double)}});
    }
    if (entries_.size() == 1 && !options_.sync) return arrays_.append(entries_[0].key, entries_[0].elements);
    arrays_.append_batch(entries_, options_);
  }

  void flush() override { arrays_.store().flush(); }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    const std::vector<std::vector<double>> arrays = arrays_.get_batch(keys);
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      const std::span<const double> array = arrays[i];
      sink(i, {reinterpret_cast<const char*>(array.data()), array.size_bytes()});
    }
  }

 private:
  accrete::Numeric<double> arrays_;
  accrete::AppendOptions options_;
  std::vector<accrete::NumericEntry<double>> entries_;
};

class DatasetEngine : public Engine {
 public:
  DatasetEngine(const Setup& setup, const Kind& kind)
      : kind_(kind), durable_(setup.durable), dataset_((setup.directory / "dataset").string()) {
    accrete::create(dataset_, {.codec = kind.codec});
    if (!kind.server) return;
    const std::vector<std::string> command = {setup.accrete_program.string(), "serve", dataset_, "--durability",
                                              name_of(kind.durability)};
    server_.emplace(command, setup.directory, "accrete: serving");
  }

  std::unique_ptr<Session> open() override {
    // What hangs is ended by who runs the cell: to flush a million keys may take a server minutes.
    accrete::OpenOptions options{.durability = kind_.durability, .client = {.timeout = std::chrono::hours{1}}};
    if (kind_.buffer) options.buffer = accrete::BufferOptions{};
    std::unique_ptr<accrete::Store> store = accrete::open(dataset_, options);
    if (kind_.numeric) return std::make_unique<NumericSession>(std::move(store), durable_);
    return std::make_unique<StoreSession>(std::move(store), durable_);
  }

  void stop() override {
    if (server_) server_->stop();
  }
  void destroy() override { accrete::destroy(dataset_); }

  [[nodiscard]] std::optional<pid_t> server() const override {
    return server_ ? std::optional(server_->pid()) : std::nullopt;
  }

 private:
  Kind kind_;
  bool durable_;
  std::string dataset_;
  std::optional<ServerProcess> server_;
};

/// Lives in the engine: there is nothing to open anew.
class MemoryEngine : public Engine {
 public:
  std::unique_ptr<Session> open() override { return std::make_unique<Borrowed>(*store_); }
  void destroy() override { store_.reset(); }

 private:
  class Borrowed : public Session {
   public:
    explicit Borrowed(accrete::Store& store) : store_(store) {}

    void append(std::span<const Entry> batch) override { append_to(store_, batch, {}); }
    void flush() override {}
    void get(std::span<const std::string_view> keys, const Sink& sink) override { get_from(store_, keys, sink); }

   private:
    accrete::Store& store_;
  };

  std::unique_ptr<accrete::Store> store_ = accrete::memory_store();
};

Description describe(std::string name, std::string title, const Kind& kind, Settings settings) {
  Description description{.name = std::move(name), .title = std::move(title), .family = "accrete"};
  description.version = ACCRETE_VERSION;
  description.level = level_of(kind.durability);
  description.ours = true;
  description.processes = !kind.buffer;
  description.server = kind.server;
  description.bytes = !kind.numeric;
  description.numeric = kind.numeric;
  if (kind.codec) description.codec = kind.codec->name();
  settings.emplace_back("call", "append_batch; append for a batch of one");
  if (!kind.server)
    settings.emplace_back("open files", "half of RLIMIT_NOFILE, which every engine gets at its highest");
  description.settings = std::move(settings);
  return description;
}

EngineType make_type(const Kind& kind, std::string name, std::string title, Settings settings = {}) {
  return {.description = describe(std::move(name), std::move(title), kind, std::move(settings)),
          .make = [kind](const Setup& setup) { return std::make_unique<DatasetEngine>(setup, kind); }};
}

Settings buffer_settings() { return {{"buffer", "256 MiB, as BufferOptions has it"}}; }

void add_levels(std::vector<EngineType>& types) {
  for (const auto durability : {accrete::Durability::memory, accrete::Durability::os, accrete::Durability::sync}) {
    const std::string level = name_of(durability);
    types.push_back(make_type({.buffer = true, .durability = durability}, "buffered." + level,
                              "accrete, buffered (" + level + ")", buffer_settings()));
  }
  for (const auto durability : {accrete::Durability::memory, accrete::Durability::os, accrete::Durability::sync}) {
    const std::string level = name_of(durability);
    types.push_back(
        make_type({.server = true, .durability = durability}, "server." + level, "accrete, server (" + level + ")",
                  {{"memory", "1 GiB, as accrete serve has it"},
                   {"acknowledgement", "window: the client gathers appends, and flush waits for the server"}}));
  }
}

void add_codecs(std::vector<EngineType>& types) {
  for (const std::string& name : accrete::codec_names()) {
    if (name == "stored") continue;
    types.push_back(make_type({.codec = accrete::parse_codec(name)}, "files." + name, "accrete, files (" + name + ")",
                              {{"level", "the codec's default"}}));
    if (name != "lz4") continue;
    types.push_back(make_type({.codec = accrete::lz4(), .buffer = true}, "buffered.os.lz4",
                              "accrete, buffered (os, lz4)", buffer_settings()));
  }
}

EngineType make_memory_type() {
  Description description =
      describe("memory", "accrete, in memory", {.durability = accrete::Durability::memory},
               {{"use", "the reference of what a store does: a map of strings, which keeps nothing"}});
  description.processes = false;
  description.durable = false;
  return {.description = std::move(description), .make = [](const Setup&) { return std::make_unique<MemoryEngine>(); }};
}

}  // namespace

void add_accrete_engines(std::vector<EngineType>& types) {
  types.push_back(make_type({}, "files", "accrete, files"));
  add_levels(types);
  add_codecs(types);
  types.push_back(make_memory_type());
  types.push_back(make_type({.numeric = true}, "accrete.numeric", "accrete, arrays of numbers"));
  types.push_back(make_type({.buffer = true, .numeric = true}, "accrete.numeric.buffered",
                            "accrete, arrays of numbers, buffered (os)", buffer_settings()));
}

}  // namespace bench
