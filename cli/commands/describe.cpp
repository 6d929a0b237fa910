// accrete help, accrete version, and the hidden accrete describe: what the program says of itself.
#include "cli/describe.hpp"

#include "base/escape.hpp"
#include "cli/program.hpp"

namespace accrete::cli {
namespace {

/// Throws UsageError.
const CLI::App& command_named(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : visible_commands(app)) {
    if (command->get_name() == name) return *command;
  }
  throw UsageError("there is no command " + accrete::quoted(name) + " (see accrete --help)");
}

std::string help(const CLI::App& app, const std::string& command) {
  if (!command.empty()) return command_named(app, command).help(app.get_name());
  // CLI11's own way gives the help of the command that is given.
  return app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
}

void print_version(Program& program, bool features) {
  program.out().write("accrete " ACCRETE_VERSION "\n");
  if (!features) return;
  for (const std::string& codec : codec_names()) program.out().write(codec + "\n");
  if (ACCRETE_MSGPACK) program.out().write("msgpack\n");
}

std::string command_lines(const CLI::App& app) {
  std::string text;
  for (const CLI::App* command : visible_commands(app)) text += command->get_name() + "\n";
  return text;
}

std::string description(const CLI::App& app, const std::string& what, const std::string& command) {
  if (what == "commands") return command_lines(app);
  if (what == "bash") return bash_completion(app);
  if (what == "zsh") return zsh_completion(app);
  if (what == "fish") return fish_completion(app);
  return manual_page(app, command.empty() ? app : command_named(app, command));
}

}  // namespace

void add_help_command(CLI::App& app, Program& program) {
  auto name = std::make_shared<std::string>();
  CLI::App& command = add_bare_command(app, "help", "Print the help of a command",
                                       [=, &app, &program] { program.out().write(help(app, *name)); });
  command.add_option("COMMAND", *name, "As accrete COMMAND --help; without it, accrete --help")->type_name("");
  command.footer("Example:\n  accrete help load\n");
}

void add_version_command(CLI::App& app, Program& program) {
  auto features = std::make_shared<bool>();
  CLI::App& command = add_bare_command(app, "version", "Print the version and what this build has",
                                       [features, &program] { print_version(program, *features); });
  command.add_flag("--features", *features, "Also the codecs, and msgpack if packed.hpp is installed, one a line");
  command.footer("Example:\n  accrete version --features\n");
}

void add_describe_command(CLI::App& app, Program& program) {
  auto what = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  CLI::App& command = add_bare_command(app, "describe", "Print a manual page, or the completion of a shell",
                                       [=, &app, &program] { program.out().write(description(app, *what, *name)); });
  command.group("");
  command.add_option("WHAT", *what, "What to print")
      ->required()
      ->check(CLI::IsMember({"commands", "man", "bash", "zsh", "fish"}));
  command.add_option("COMMAND", *name, "Of man: the page of this command");
}

}  // namespace accrete::cli
