// accrete: its files, its buffer, its server, its codecs and its arrays of numbers.
#include <accrete/accrete.hpp>
#include <accrete/numeric.hpp>
#include <chrono>

#include "engine.hpp"

namespace bench {
namespace {

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
    for (const std::string& value : store_->get_batch(keys)) sink(value);
  }

 protected:
  std::shared_ptr<accrete::Store> store_;
  accrete::AppendOptions options_;
};

class NumericSession : public StoreSession {
 public:
  using StoreSession::StoreSession;

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

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    for (const std::vector<double>& array : arrays_.get_batch(keys))
      sink({reinterpret_cast<const char*>(array.data()), array.size() * sizeof(double)});
  }

 private:
  accrete::Numeric<double> arrays_{*store_};
  std::vector<accrete::NumericEntry<double>> entries_;
};

/// One process at a time has a buffer of its own; others, and the server, share what they have.
Engine make_engine(const Traits& traits, const CellOptions& setup) {
  const std::string dataset = setup.directory / "dataset";
  accrete::CreateOptions create;
  if (!traits.codec.empty()) create.codec = accrete::parse_codec(traits.codec);
  accrete::create(dataset, create);
  Engine engine{.destroy = [=] { accrete::destroy(dataset); }};
  if (traits.server) {
    const std::vector<std::string> command = {setup.accrete_program, "serve", dataset, "--durability",
                                              name_of(traits.level)};
    engine.server = std::make_shared<ServerProcess>(command, setup.directory, "accrete: serving");
    engine.stop = [server = engine.server] { server->stop(); };
  }
  engine.open = [=, durable = setup.durable]() -> std::unique_ptr<Session> {
    // What hangs is ended by who runs the cell: to flush a million keys may take a server minutes.
    accrete::OpenOptions options{.durability = traits.level, .client = {.timeout = std::chrono::hours{1}}};
    if (!traits.processes) options.buffer = accrete::BufferOptions{};
    std::unique_ptr<accrete::Store> store = accrete::open(dataset, options);
    if (traits.numeric) return std::make_unique<NumericSession>(std::move(store), durable);
    return std::make_unique<StoreSession>(std::move(store), durable);
  };
  return engine;
}

/// Its store lives in the engine: there is nothing to open anew.
Engine make_memory_engine(const CellOptions&) {
  const auto store = std::make_shared<std::shared_ptr<accrete::Store>>(accrete::memory_store());
  return {.open = [=] { return std::make_unique<StoreSession>(*store, false); }, .destroy = [=] { store->reset(); }};
}

bool add(const std::string& name, const std::string& title, Traits traits) {
  traits.ours = true;
  const auto make = [=](const CellOptions& setup) { return make_engine(traits, setup); };
  return add_engine({name, "accrete, " + title, ACCRETE_VERSION, make, traits});
}

bool add_engines() {
  add("files", "files", {.processes = true});
  for (const Level level : {Level::memory, Level::os, Level::sync}) {
    const std::string name = name_of(level);
    add("buffered." + name, "buffered (" + name + ")", {.level = level});
    add("server." + name, "server (" + name + ")", {.level = level, .processes = true, .server = true});
  }
  for (const std::string& codec : accrete::codec_names()) {
    if (codec == "stored") continue;
    add("files." + codec, "files (" + codec + ")", {.processes = true, .codec = codec});
    if (codec == "lz4") add("buffered.os.lz4", "buffered (os, lz4)", {.codec = codec});
  }
  const Traits in_memory{.level = Level::memory, .ours = true, .durable = false};
  add_engine({"memory", "accrete, in memory", ACCRETE_VERSION, make_memory_engine, in_memory});
  add("accrete.numeric", "arrays of numbers", {.processes = true, .bytes = false, .numeric = true});
  return add("accrete.numeric.buffered", "arrays of numbers, buffered (os)", {.bytes = false, .numeric = true});
}

const bool are_added = add_engines();

}  // namespace
}  // namespace bench
