// Options that take numbers: one way to read them, and to refuse what is none, for all commands.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace accrete::cli {

/// Both ends included.
struct NumberRange {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

// Each adds an option. What is no such number, or is out of its range, is wrong usage that names the option and the
// text.

/// Digits alone: no sign, blank, exponent or other base.
CLI::Option& add_count(CLI::App& command, const std::string& name, std::uint64_t& count, const std::string& description,
                       const NumberRange& range = {});
CLI::Option& add_count(CLI::App& command, const std::string& name, std::optional<std::uint64_t>& count,
                       const std::string& description, const NumberRange& range = {});

/// Bytes, or a number and its unit: 1 MB is 1,000,000 bytes, and 1 MiB is 1,048,576.
CLI::Option& add_size(CLI::App& command, const std::string& name, std::uint64_t& bytes, const std::string& description);

/// Digits with a decimal point or without, up to a million. What `seconds` is before stands in the help.
CLI::Option& add_seconds(CLI::App& command, const std::string& name, double& seconds, const std::string& description);

}  // namespace accrete::cli
