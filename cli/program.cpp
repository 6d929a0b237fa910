#include "cli/program.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/escape.hpp"
#include "cli/number_arguments.hpp"
#include "net/endpoint.hpp"
#include "os/standard_streams.hpp"

namespace accrete::cli {

void Program::say(std::string_view message) noexcept {
  try {
    std::string line = "accrete: ";
    line += message;
    std::replace(line.begin(), line.end(), '\n', ' ');
    line += '\n';
    write_to(StandardStream::error, line);
  } catch (const std::exception&) {
    // There is nowhere left to say so.
  }
}

void Program::end_with(ExitCode code) noexcept { exit_code_ = std::max(exit_code_, code); }

void DirectoryArguments::add_to(CLI::App& command, const std::string& description) {
  command.add_option("DATASET", dataset, description)->required()->type_name("");
  add_seconds(command, "--timeout", timeout_seconds, "Wait at most so long for others to release the dataset")
      .type_name("SECONDS");
}

OpenOptions DirectoryArguments::options() const {
  OpenOptions options;
  options.lock_timeout = options.client.timeout = std::chrono::milliseconds{std::llround(timeout_seconds * 1000)};
  options.client.ack = Acknowledgement::each;
  return options;
}

void DirectoryArguments::refuse_endpoint(const std::string& command) const {
  if (!has_endpoint_scheme(dataset)) return;
  throw UsageError(command + " works on the server's host alone: give the dataset's directory, not " +
                   accrete::quoted(dataset));
}

void DatasetArguments::add_to(CLI::App& command) {
  DirectoryArguments::add_to(command, "Directory of the dataset, or the endpoint of its server");
  keys.add_to(command);
}

OpenOptions DatasetArguments::options() const {
  OpenOptions options = DirectoryArguments::options();
  keys.apply_to(options.client, dataset);
  return options;
}

std::unique_ptr<Store> DatasetArguments::open() const { return accrete::open(dataset, options()); }

std::string DatasetArguments::directory() const {
  constexpr std::string_view scheme = "ipc://";
  constexpr std::string_view socket = "/.socket";
  if (!dataset.starts_with(scheme) || !dataset.ends_with(socket)) return dataset;
  return dataset.substr(scheme.size(), dataset.size() - scheme.size() - socket.size());
}

void DatasetArguments::refuse_output_inside() const {
  if (!is_inside(StandardStream::output, directory())) return;
  throw Error("cannot write values of " + accrete::quoted(dataset) +
              " to standard output: output file is input file, for it is in the dataset");
}

// Not in the header: each translation unit that makes a CLI::App compiles most of CLI11.
CLI::App& add_bare_command(CLI::App& app, const std::string& name, const std::string& description,
                           std::function<void()> run) {
  CLI::App& command = *app.add_subcommand(name, description);
  command.callback(std::move(run));
  return command;
}

char byte_argument(const std::string& option, const std::string& text) {
  if (text == "\\t") return '\t';
  if (text.size() == 1) return text[0];
  throw UsageError(option + " takes one character of one byte, or \\t for a tab; " + accrete::quoted(text) +
                   " is neither");
}

char pair_separator_argument(const std::string& option, const std::string& text) {
  const char separator = byte_argument(option, text);
  const bool taken = std::string_view{"\\x0123456789abcdefABCDEF\n"}.find(separator) != std::string_view::npos;
  if (taken || static_cast<unsigned char>(separator) >= 0x80) {
    throw UsageError(option + " " + accrete::quoted(text) +
                     " may stand within keys and bytes; choose another, such as '|'");
  }
  return separator;
}

}  // namespace accrete::cli
