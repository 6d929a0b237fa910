// The CURVE keys of commands that may connect to a server on TCP: from options, or from the environment.
#pragma once

#include <CLI/CLI.hpp>
#include <accrete/accrete.hpp>
#include <optional>
#include <string>

namespace accrete::cli {

class KeyArguments {
 public:
  void add_to(CLI::App& command);

  /// Gives a client of `dataset` its keys. The environment counts on TCP alone, as nothing else asks for keys. Throws
  /// UsageError if options are given elsewhere, or keys are not what they should be.
  void apply_to(ClientOptions& client, const std::string& dataset) const;

 private:
  std::optional<std::string> server_key_;
  std::optional<std::string> key_file_;
};

}  // namespace accrete::cli
