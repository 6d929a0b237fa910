// What the commands of the program share: its output, its exit codes and its arguments.
#pragma once

#include <CLI/CLI.hpp>
#include <accrete/accrete.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/key_arguments.hpp"
#include "cli/output.hpp"

namespace accrete::cli {

enum class ExitCode { done = 0, missing = 1, usage = 2, busy = 3, failed = 4 };

/// Arguments make no sense.
class UsageError : public Error {
 public:
  using Error::Error;
};

class Program {
 public:
  [[nodiscard]] Output& out() noexcept { return out_; }

  /// One line on standard error: "accrete: <message>".
  static void say(std::string_view message) noexcept;

  /// How the program will end; if this is said several times, with the highest.
  void end_with(ExitCode code) noexcept;
  [[nodiscard]] ExitCode exit_code() const noexcept { return exit_code_; }

 private:
  Output out_;
  ExitCode exit_code_ = ExitCode::done;
};

/// The arguments of commands that are for whoever has the dataset's directory.
struct DirectoryArguments {
  std::string dataset;
  double timeout_seconds = 60;

  void add_to(CLI::App& command, const std::string& description = "Directory of the dataset");
  [[nodiscard]] OpenOptions options() const;
  /// Throws UsageError for the endpoint of a server: what `command` does, it does on the server's host alone.
  void refuse_endpoint(const std::string& command) const;
};

/// The arguments of all commands that open a dataset, be it in a directory or through its server.
struct DatasetArguments : DirectoryArguments {
  KeyArguments keys;

  void add_to(CLI::App& command);
  [[nodiscard]] OpenOptions options() const;
  [[nodiscard]] std::unique_ptr<Store> open() const;
  /// Where its files are, if they are on this host as far as can be told.
  [[nodiscard]] std::string directory() const;
  /// Throws if standard output is a file of the dataset, which would be read as it grows.
  void refuse_output_inside() const;
};

/// Adds a command without arguments. The program calls `run` if it is the one given.
CLI::App& add_bare_command(CLI::App& app, const std::string& name, const std::string& description,
                           std::function<void()> run);

/// Adds a command whose `Arguments` has add_to(CLI::App&) and run(Program&).
template <typename Arguments>
void add_command(CLI::App& app, Program& program, const std::string& name, const std::string& description) {
  auto arguments = std::make_shared<Arguments>();
  arguments->add_to(add_bare_command(app, name, description, [arguments, &program] { arguments->run(program); }));
}

/// The byte that an argument stands for: one character, or `\t`. Throws UsageError.
[[nodiscard]] char byte_argument(const std::string& option, const std::string& text);

/// As byte_argument, for what stands between key and bytes in the lines of `cat` and `load --pairs`: a byte which
/// `\xNN` never holds.
[[nodiscard]] char pair_separator_argument(const std::string& option, const std::string& text);

/// Each adds its command.
void add_create_command(CLI::App& app, Program& program);
void add_put_command(CLI::App& app, Program& program);
void add_get_command(CLI::App& app, Program& program);
void add_load_command(CLI::App& app, Program& program);
void add_keys_command(CLI::App& app, Program& program);
void add_cat_command(CLI::App& app, Program& program);
void add_export_command(CLI::App& app, Program& program);
void add_stat_command(CLI::App& app, Program& program);
void add_attribute_command(CLI::App& app, Program& program);
void add_rm_command(CLI::App& app, Program& program);
void add_drop_command(CLI::App& app, Program& program);
void add_destroy_command(CLI::App& app, Program& program);
void add_verify_command(CLI::App& app, Program& program);
void add_sweep_command(CLI::App& app, Program& program);
void add_serve_command(CLI::App& app, Program& program);
void add_stop_command(CLI::App& app, Program& program);
void add_reload_command(CLI::App& app, Program& program);
void add_keygen_command(CLI::App& app, Program& program);
void add_help_command(CLI::App& app, Program& program);
void add_version_command(CLI::App& app, Program& program);
void add_describe_command(CLI::App& app, Program& program);

}  // namespace accrete::cli
