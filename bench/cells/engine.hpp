// What is measured: an engine holds a dataset, and a session is the dataset opened by one process.
#pragma once

#include <accrete/accrete.hpp>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "processes.hpp"
#include "workload.hpp"

namespace bench {

/// The engine cannot do what is asked of it. That is an answer, not a failure.
class Unavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What an append that has returned survives, if batches are not synced.
using Level = accrete::Durability;

inline const char* name_of(Level level) {
  if (level == Level::memory) return "memory";
  return level == Level::os ? "os" : "sync";
}

/// What is asked for: one pattern with one engine. An engine may know it beforehand, as a user would.
struct CellOptions {
  WorkloadOptions workload;
  std::size_t batch = 1;
  std::size_t processes = 1;
  bool durable = false;             ///< each batch is to be synced before the call returns
  bool gets = true;                 ///< are to be timed
  std::filesystem::path directory;  ///< empty, and all the engine's; it goes in the end
  std::filesystem::path accrete_program;
};

/// Takes the values of keys in their order; empty for a missing key.
using Sink = std::function<void(std::string_view value)>;

/// For one thread. Destroying it closes it.
class Session {
 public:
  virtual ~Session() = default;

  /// Before the clock starts: this is what is going to be appended, in such batches.
  virtual void prepare(Cursor /*cursor*/, std::span<Entry> /*batch*/) {}
  virtual void append(std::span<const Entry> batch) = 0;
  /// Hands down what was appended: to the operating system, or to the level that the engine names.
  virtual void flush() {}
  /// Each value lies in memory of its own, as it would for a caller who keeps it.
  virtual void get(std::span<const std::string_view> keys, const Sink& sink) = 0;
  /// What appends have taken that is not to count, as users would have it done before.
  [[nodiscard]] virtual Taken uncounted() const { return {}; }
};

/// Making one creates the dataset and starts its server, if it has one; that ends with it.
struct Engine {
  std::function<std::unique_ptr<Session>()> open{};  ///< in the process that is going to use it
  std::function<void()> flush = [] {};               ///< once all sessions have flushed, for what they cannot
  std::function<void()> stop = [] {};                ///< once all sessions are closed, what is no part of destroying
  std::function<void()> destroy = [] {};             ///< what is to be done before its directory is removed
  std::shared_ptr<ServerProcess> server{};
};

struct Traits {
  Level level = Level::os;
  bool ours = false;
  bool processes = false;  ///< several at once can append
  bool server = false;
  std::string codec{};
  bool bytes = true;     ///< can hold bytes
  bool numeric = false;  ///< can hold arrays of 64-bit floats
  bool durable = true;   ///< can sync each batch
};

struct EngineType {
  std::string name, title, version;
  std::function<Engine(const CellOptions&)> make;
  Traits traits{};
};

/// All that the program has.
inline std::vector<EngineType>& engine_types() {
  static std::vector<EngineType> types;
  return types;
}

/// What each file of engines does as the program starts: those of a library that the build lacks are not there.
inline bool add_engine(const EngineType& type) {
  engine_types().push_back(type);
  return true;
}

/// Appends, reads back and checks, and destroys. Throws Unavailable, or std::runtime_error if anything fails: a value
/// that is not what was appended, too.
[[nodiscard]] nlohmann::json run_cell(const EngineType& type, const CellOptions& options);

/// What a library's C functions make, and what they free it with.
template <auto free>
struct Free {
  void operator()(auto* made) const noexcept { (void)free(made); }
};
template <typename T, auto free>
using Owned = std::unique_ptr<T, Free<free>>;

/// Of sessions that need no more than they were asked for, and a dataset that is its directory.
template <typename OfEngine>
Engine engine_of(const CellOptions& options) {
  return {.open = [=] { return std::make_unique<OfEngine>(options); }};
}

/// Of a program with such arguments: what main() does.
[[nodiscard]] int exit_code_of(const std::vector<std::string>& arguments);

}  // namespace bench
