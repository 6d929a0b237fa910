// Manual pages and completions of shells, made of what the commands say of themselves.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace accrete::cli {

/// Those of `app` that are not hidden.
[[nodiscard]] std::vector<const CLI::App*> visible_commands(const CLI::App& app);

/// In roff, with the macros of man(7). `command` is one of `app`, or `app` itself.
[[nodiscard]] std::string manual_page(const CLI::App& app, const CLI::App& command);

[[nodiscard]] std::string bash_completion(const CLI::App& app);
[[nodiscard]] std::string zsh_completion(const CLI::App& app);
[[nodiscard]] std::string fish_completion(const CLI::App& app);

}  // namespace accrete::cli
