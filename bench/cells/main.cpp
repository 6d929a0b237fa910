// bench_cell: measures one engine with one workload, in a process of its own.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "cell.hpp"
#include "process_settings.hpp"
#include "registry.hpp"

namespace bench {
namespace {

enum ExitCode { done = 0, failed = 1, usage = 2, unavailable = 3 };

class RunArguments {
 public:
  void add_to(CLI::App& command);
  [[nodiscard]] const std::string& engine() const noexcept { return engine_; }
  [[nodiscard]] CellOptions options() const;

 private:
  void check_combination() const;
  [[nodiscard]] std::filesystem::path accrete_program() const;

  std::string engine_;
  std::filesystem::path text_;
  CellOptions options_;
};

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const EngineType& type : engine_types()) names.push_back(type.description.name);
  return names;
}

const EngineType& engine_type(const std::string& name) {
  return *std::ranges::find(engine_types(), name, [](const EngineType& type) { return type.description.name; });
}

void RunArguments::add_to(CLI::App& command) {
  WorkloadOptions& workload = options_.workload;
  command.add_option("--engine", engine_, "One of those that bench_cell engines prints")
      ->required()
      ->check(CLI::IsMember(engine_names()));
  command.add_option("--directory", options_.directory, "Where the engine keeps what it keeps: empty, and left empty")
      ->required()
      ->check(CLI::ExistingDirectory);
  command.add_option("--appends", workload.appends, "How many, of all processes together")
      ->required()
      ->check(CLI::Range(std::uint64_t{1}, max_appends));
  command.add_option("--keys", workload.keys, "How many")->required()->check(CLI::Range(std::uint64_t{1}, max_keys));
  command.add_option("--entry-bytes", workload.entry_bytes, "Of each append")
      ->required()
      ->check(CLI::Range(std::size_t{1}, pool_bytes));
  command.add_option("--skew", workload.skew, "Exponent of a Zipf distribution of the keys; 0: round robin")
      ->check(CLI::Range(0.0, 10.0));
  command.add_option("--text", text_, "The bytes are this file's; without, they are random")->check(CLI::ExistingFile);
  command.add_flag("--numeric", workload.numeric, "The bytes are 64-bit floats");
  command.add_option("--batch", options_.batch, "Appends to a call")
      ->required()
      ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}));
  command.add_option("--processes", options_.processes, "That append at once")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}));
  command.add_flag("--durable", options_.durable, "Sync each batch");
  command.add_flag("!--no-gets", options_.time_gets, "Check what can be read, and do not time it");
  command.add_option("--accrete", options_.accrete_program, "The accrete program")->check(CLI::ExistingFile);
}

void RunArguments::check_combination() const {
  if (!std::filesystem::is_empty(options_.directory)) throw CLI::ValidationError("--directory", "it is not empty");
  if (!options_.workload.numeric) return;
  if (!text_.empty()) throw CLI::ValidationError("--text", "it does not go with --numeric");
  if (options_.workload.entry_bytes % sizeof(double) != 0)
    throw CLI::ValidationError("--entry-bytes", "with --numeric, it is a multiple of 8");
}

/// Absolute: it is run in another directory.
std::filesystem::path RunArguments::accrete_program() const {
  if (!options_.accrete_program.empty()) return std::filesystem::absolute(options_.accrete_program);
  return std::filesystem::canonical("/proc/self/exe").parent_path() / "../../cli/accrete";
}

CellOptions RunArguments::options() const {
  check_combination();
  CellOptions options = options_;
  options.directory = std::filesystem::canonical(options_.directory);
  options.accrete_program = accrete_program();
  if (!text_.empty()) options.workload.text = text_;
  return options;
}

void print_engines() {
  nlohmann::json engines = nlohmann::json::array();
  for (const EngineType& type : engine_types()) engines.push_back(to_json(type.description));
  std::cout << engines << '\n';
}

void run(int argc, char** argv) {
  CLI::App app{"Measures one engine with one workload, and prints one JSON object.", "bench_cell"};
  app.require_subcommand(1);
  RunArguments arguments;
  CLI::App* const run_command = app.add_subcommand("run", "Append, read back and check, destroy");
  arguments.add_to(*run_command);
  app.add_subcommand("engines", "Print what can be measured, as a JSON list");
  try {
    app.parse(argc, argv);
    if (!run_command->parsed()) return print_engines();
    raise_open_files_limit();
    std::cout << run_cell(engine_type(arguments.engine()), arguments.options()) << '\n';
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
