// The accrete program: reads the arguments, runs a command and turns what it throws into a message and an exit code.
#include <new>
#include <sstream>

#include "base/escape.hpp"
#include "cli/program.hpp"
#include "os/file_system.hpp"
#include "os/standard_streams.hpp"

namespace accrete::cli {
namespace {

constexpr const char* footer =
    "Exit codes: 0 done, 1 a key, attribute or dataset is missing, 2 wrong usage, 3 the dataset is busy, 4 failed.\n"
    "An argument that begins with '-' goes after '--'.\n"
    "ACCRETE_SERVER_KEY=KEY and ACCRETE_KEY=FILE are what --server-key and --key are, for servers on TCP.\n"
    "ACCRETE_TRUST_LOCKS=fuse,nfs uses datasets on these file systems, though nobody vouches for their locks.\n"
    "\n"
    "Example:\n"
    "  accrete create flights\n"
    "  accrete load flights flights.csv --by origin\n"
    "  accrete keys flights\n"
    "  accrete get flights SEA | head\n";

void add_commands(CLI::App& app, Program& program) {
  add_create_command(app, program);
  add_put_command(app, program);
  add_get_command(app, program);
  add_load_command(app, program);
  add_keys_command(app, program);
  add_cat_command(app, program);
  add_export_command(app, program);
  add_stat_command(app, program);
  add_attribute_command(app, program);
  add_rm_command(app, program);
  add_drop_command(app, program);
  add_destroy_command(app, program);
  add_verify_command(app, program);
  add_sweep_command(app, program);
  add_serve_command(app, program);
  add_stop_command(app, program);
  add_reload_command(app, program);
  add_keygen_command(app, program);
  add_help_command(app, program);
  add_version_command(app, program);
  add_describe_command(app, program);
}

/// Help and version go to standard output; the rest are mistakes.
void end_parsing(CLI::App& app, Program& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    std::ostringstream text;
    app.exit(error, text, text);
    program.out().write(text.str());
    return;
  }
  const std::vector<CLI::App*> commands = app.get_subcommands();
  const std::string command = commands.empty() ? "" : commands[0]->get_name() + " ";
  const bool unknown = commands.empty() && app.remaining_size() > 0;
  const std::string problem =
      unknown ? "there is no command or option " + accrete::quoted(app.remaining()[0]) : error.what();
  Program::say(problem + " (see accrete " + command + "--help)");
  program.end_with(ExitCode::usage);
}

/// Of words in the environment that mean nothing. They are typing errors, which must not go unseen, but stop nothing.
void warn_of_environment() {
  for (const std::string& name : unknown_trusted_file_systems()) {
    Program::say("ACCRETE_TRUST_LOCKS has " + accrete::quoted(name) +
                 " in it, which names no file system; names stand with commas and no blanks, such as fuse,nfs");
  }
}

void run(Program& program, int argc, char** argv) {
  CLI::App app{"An appendable key-to-bytes store: many small appends to many keys, read back whole.", "accrete"};
  app.set_version_flag("-V,--version", std::string("accrete ") + ACCRETE_VERSION);
  app.require_subcommand(1);
  app.footer(footer);
  add_commands(app, program);
  warn_of_environment();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    end_parsing(app, program, error);
  }
  program.out().flush();
}

void fail(Program& program, ExitCode code, std::string_view message) {
  Program::say(message);
  program.end_with(code);
}

void run_to_exit_code(Program& program, int argc, char** argv) {
  try {
    run(program, argc, argv);
  } catch (const ClosedPipe&) {
    return;
  } catch (const NotFoundError& error) {
    fail(program, ExitCode::missing, error.what());
  } catch (const UsageError& error) {
    fail(program, ExitCode::usage, error.what());
  } catch (const InvalidKeyError& error) {
    fail(program, ExitCode::usage, error.what());
  } catch (const InvalidArgumentError& error) {
    fail(program, ExitCode::usage, error.what());
  } catch (const LockedError& error) {
    fail(program, ExitCode::busy, error.what());
  } catch (const TimeoutError& error) {
    fail(program, ExitCode::busy, error.what());
  } catch (const std::bad_alloc&) {
    fail(program, ExitCode::failed, "there is not enough memory");
  } catch (const std::exception& error) {
    fail(program, ExitCode::failed, error.what());
  }
}

}  // namespace
}  // namespace accrete::cli

int main(int argc, char** argv) {
  accrete::prepare_process();
  accrete::cli::Program program;
  accrete::cli::run_to_exit_code(program, argc, argv);
  return static_cast<int>(program.exit_code());
}
