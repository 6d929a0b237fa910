// accrete: its files, its buffer, its server, its codecs and its arrays of numbers.
#include <accrete/accrete.hpp>
#include <accrete/numeric.hpp>
#include <chrono>
#include <cstring>

#include "engine.hpp"

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

class StoreSession : public Session {
 public:
  StoreSession(std::shared_ptr<accrete::Store> store, bool durable)
      : store_(std::move(store)), options_{.sync = durable} {}

  void append(std::span<const Entry> batch) override {
    if (batch.size() == 1 && !options_.sync) return store_->append(batch[0].key, batch[0].bytes);
    store_->append_batch(batch, options_);
  }
  void flush() override { store_->flush(); }
  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    const std::vector<std::string> values = store_->get_batch(keys);
    for (std::size_t i = 0; i < values.size(); ++i) sink(i, values[i]);
  }

 private:
  std::shared_ptr<accrete::Store> store_;
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

Engine make_engine(const Kind& kind, const CellOptions& setup) {
  const std::string dataset = setup.directory / "dataset";
  accrete::create(dataset, {.codec = kind.codec});
  Engine engine;
  if (kind.server) {
    const std::vector<std::string> command = {setup.accrete_program, "serve", dataset, "--durability",
                                              name_of(kind.durability)};
    engine.server = std::make_shared<ServerProcess>(command, setup.directory, "accrete: serving");
    engine.stop = [server = engine.server] { server->stop(); };
  }
  engine.open = [=, durable = setup.durable]() -> std::unique_ptr<Session> {
    // What hangs is ended by who runs the cell: to flush a million keys may take a server minutes.
    accrete::OpenOptions options{.durability = kind.durability, .client = {.timeout = std::chrono::hours{1}}};
    if (kind.buffer) options.buffer = accrete::BufferOptions{};
    std::unique_ptr<accrete::Store> store = accrete::open(dataset, options);
    if (kind.numeric) return std::make_unique<NumericSession>(std::move(store), durable);
    return std::make_unique<StoreSession>(std::move(store), durable);
  };
  engine.destroy = [=] { accrete::destroy(dataset); };
  return engine;
}

EngineType make_type(const Kind& kind, std::string name, std::string title) {
  return {.description = {.name = std::move(name),
                          .title = "accrete, " + std::move(title),
                          .version = ACCRETE_VERSION,
                          .level = kind.durability,
                          .ours = true,
                          .processes = !kind.buffer,
                          .server = kind.server,
                          .codec = kind.codec ? kind.codec->name() : "",
                          .bytes = !kind.numeric,
                          .numeric = kind.numeric},
          .make = [kind](const CellOptions& setup) { return make_engine(kind, setup); }};
}

/// Its store lives in the engine: there is nothing to open anew.
EngineType make_memory_type() {
  EngineType type = make_type({.durability = Level::memory}, "memory", "in memory");
  type.description.processes = false;
  type.description.durable = false;
  type.make = [](const CellOptions&) {
    const auto store = std::make_shared<std::shared_ptr<accrete::Store>>(accrete::memory_store());
    return Engine{.open = [=] { return std::make_unique<StoreSession>(*store, false); },
                  .destroy = [=] { store->reset(); }};
  };
  return type;
}

bool add_engines() {
  add_engine(make_type({}, "files", "files"));
  for (const Level level : {Level::memory, Level::os, Level::sync}) {
    const std::string name = name_of(level);
    add_engine(make_type({.buffer = true, .durability = level}, "buffered." + name, "buffered (" + name + ")"));
    add_engine(make_type({.server = true, .durability = level}, "server." + name, "server (" + name + ")"));
  }
  for (const std::string& name : accrete::codec_names()) {
    if (name == "stored") continue;
    const accrete::Codec codec = accrete::parse_codec(name);
    add_engine(make_type({.codec = codec}, "files." + name, "files (" + name + ")"));
    if (name == "lz4") add_engine(make_type({.codec = codec, .buffer = true}, "buffered.os.lz4", "buffered (os, lz4)"));
  }
  add_engine(make_memory_type());
  add_engine(make_type({.numeric = true}, "accrete.numeric", "arrays of numbers"));
  return add_engine(
      make_type({.buffer = true, .numeric = true}, "accrete.numeric.buffered", "arrays of numbers, buffered (os)"));
}

const bool are_added = add_engines();

}  // namespace
}  // namespace bench
