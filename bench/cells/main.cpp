// bench_cell: measures one engine with one workload, in a process of its own.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "engine.hpp"
#include "process_settings.hpp"

namespace bench {
namespace {

enum ExitCode { done = 0, failed = 1, usage = 2, unavailable = 3 };

/// What cannot be said of an option alone.
void check(const CellOptions& options) {
  if (!std::filesystem::is_empty(options.directory)) throw CLI::ValidationError("--directory", "it is not empty");
  if (!options.workload.numeric) return;
  if (options.workload.text) throw CLI::ValidationError("--text", "it does not go with --numeric");
  if (options.workload.entry_bytes % sizeof(double) != 0)
    throw CLI::ValidationError("--entry-bytes", "with --numeric, it is a multiple of 8");
}

void add_options(CLI::App& command, std::string& engine, CellOptions& options) {
  std::vector<std::string> names;
  for (const EngineType& type : engine_types()) names.push_back(type.description.name);
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help);
  };
  const auto add_count = [&](const char* name, auto& value, auto most, const char* help) {
    return add(name, value, help)->check(CLI::Range(decltype(most){1}, most));
  };
  WorkloadOptions& workload = options.workload;
  add("--engine", engine, "One of those that bench_cell engines prints")->required()->check(CLI::IsMember(names));
  add("--directory", options.directory, "Where the engine keeps what it keeps: empty, and left empty")
      ->required()
      ->check(CLI::ExistingDirectory);
  add_count("--appends", workload.appends, max_appends, "How many, of all processes together")->required();
  add_count("--keys", workload.keys, max_keys, "How many")->required();
  add_count("--entry-bytes", workload.entry_bytes, pool_bytes, "Of each append")->required();
  add("--skew", workload.skew, "Exponent of a Zipf distribution of the keys; 0: round robin")
      ->check(CLI::Range(0.0, 10.0));
  add("--text", workload.text, "The bytes are this file's; without, they are random")->check(CLI::ExistingFile);
  command.add_flag("--numeric", workload.numeric, "The bytes are 64-bit floats");
  add_count("--batch", options.batch, std::size_t{10'000'000}, "Appends to a call")->required();
  add_count("--processes", options.processes, std::size_t{1000}, "That append at once");
  command.add_flag("--durable", options.durable, "Sync each batch");
  command.add_flag("!--no-gets", options.time_gets, "Check what can be read, and do not time it");
  add("--accrete", options.accrete_program, "The accrete program")->check(CLI::ExistingFile);
}

void print_engines() {
  nlohmann::json engines = nlohmann::json::array();
  for (const auto& [is, make] : engine_types()) {
    engines.push_back({{"name", is.name},
                       {"title", is.title},
                       {"ours", is.ours},
                       {"version", is.version},
                       {"level", name_of(is.level)},
                       {"processes", is.processes},
                       {"server", is.server},
                       {"codec", is.codec},
                       {"bytes", is.bytes},
                       {"numeric", is.numeric},
                       {"durable", is.durable}});
  }
  std::cout << engines << '\n';
}

void run(int argc, char** argv) {
  CLI::App app{"Measures one engine with one workload, and prints one JSON object.", "bench_cell"};
  app.require_subcommand(1);
  std::string engine;
  CellOptions options;
  options.accrete_program = std::filesystem::canonical("/proc/self/exe").parent_path() / "../../cli/accrete";
  CLI::App* const run_command = app.add_subcommand("run", "Append, read back and check, destroy");
  add_options(*run_command, engine, options);
  app.add_subcommand("engines", "Print what can be measured, as a JSON list");
  try {
    app.parse(argc, argv);
    if (!run_command->parsed()) return print_engines();
    raise_open_files_limit();
    check(options);
    // Absolute: a server runs in another directory.
    for (auto* path : {&options.directory, &options.accrete_program}) *path = std::filesystem::absolute(*path);
    const auto name_of_type = [](const EngineType& type) { return type.description.name; };
    std::cout << run_cell(*std::ranges::find(engine_types(), engine, name_of_type), options) << '\n';
  } catch (const CLI::CallForHelp&) {
    std::cout << (run_command->parsed() ? run_command : &app)->help();
  }
}

}  // namespace

int exit_code_of(int argc, char** argv) {
  try {
    run(argc, argv);
    return done;
  } catch (const CLI::ParseError& error) {
    std::cerr << "bench_cell: " << error.what() << '\n';
    return usage;
  } catch (const Unavailable& error) {
    std::cerr << "bench_cell: " << error.what() << '\n';
    return unavailable;
  } catch (const std::exception& error) {
    std::cerr << "bench_cell: " << error.what() << '\n';
    return failed;
  }
}

}  // namespace bench

int main(int argc, char** argv) { return bench::exit_code_of(argc, argv); }
