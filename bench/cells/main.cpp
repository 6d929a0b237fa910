// bench_cell: measures one engine with one workload, in a process of its own.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "engine.hpp"

namespace bench {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkloadOptions, appends, keys, entry_bytes, skew, numeric, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CellOptions, batch, processes, durable, gets, directory, accrete_program)

namespace {

using nlohmann::json;

enum ExitCode { done = 0, failed = 1, usage = 2, unavailable = 3 };

json described(const EngineType& type) {
  const Traits& is = type.traits;
  return {{"name", type.name},         {"title", type.title},   {"version", type.version}, {"level", name_of(is.level)},
          {"processes", is.processes}, {"server", is.server},   {"codec", is.codec},       {"bytes", is.bytes},
          {"numeric", is.numeric},     {"durable", is.durable}, {"ours", is.ours}};
}

json answer(const std::string& argument) {
  if (argument == "engines") {
    json engines = json::array();
    for (const EngineType& type : engine_types()) engines.push_back(described(type));
    return engines;
  }
  const json asked = json::parse(argument);
  const auto& name = asked.at("engine").get_ref<const std::string&>();
  const auto type = std::ranges::find(engine_types(), name, &EngineType::name);
  if (type == engine_types().end()) throw Unavailable("there is no engine '" + name + "'");
  auto options = asked.get<CellOptions>();
  asked.get_to(options.workload);
  if (!std::filesystem::is_empty(options.directory)) {
    throw std::runtime_error("'" + options.directory.string() + "' is not empty, and a cell removes its directory");
  }
  // A server runs in another one.
  options.directory = std::filesystem::absolute(options.directory);
  options.accrete_program = std::filesystem::absolute(options.accrete_program);
  return run_cell(*type, options);
}

}  // namespace

int exit_code_of(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) {
    std::cerr << "usage: bench_cell engines      which prints what can be measured\n"
                 "       bench_cell CELL         as driver/cell.py writes it, in JSON\n";
    return usage;
  }
  try {
    std::cout << answer(arguments[1]) << '\n';
    return done;
  } catch (const std::exception& error) {
    std::cerr << "bench_cell: " << error.what() << '\n';
    return dynamic_cast<const Unavailable*>(&error) != nullptr ? unavailable : failed;
  }
}

}  // namespace bench

int main(int argc, char** argv) { return bench::exit_code_of({argv, argv + argc}); }
