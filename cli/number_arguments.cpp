#include "cli/number_arguments.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/escape.hpp"

namespace accrete::cli {
namespace {

constexpr std::string_view digits = "0123456789";
constexpr double max_seconds = 1e6;

[[noreturn]] void refuse(const std::string& option, const std::string& text, const std::string& expected) {
  throw CLI::ValidationError(option + " " + accrete::quoted(text) + " is not " + expected);
}

template <typename Number>
std::optional<Number> whole_text(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// nullopt for what from_chars takes beyond digits, too: a sign, an exponent, "inf".
template <typename Number>
std::optional<Number> number_in(std::string_view text, const std::string& characters) {
  if (text.find_first_not_of(characters) != std::string_view::npos) return std::nullopt;
  return whole_text<Number>(text);
}

std::uint64_t count_in(const std::string& option, const std::string& text, const NumberRange& range) {
  const std::optional<std::uint64_t> count = number_in<std::uint64_t>(text, std::string(digits));
  if (count && *count >= range.min && *count <= range.max) return *count;
  refuse(option, text, "a whole number from " + std::to_string(range.min) + " to " + std::to_string(range.max));
}

/// How many bytes a unit has; nullopt for what is none.
std::optional<std::uint64_t> factor_of(std::string unit) {
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
  if (unit.empty() || unit == "b") return 1;
  const std::size_t power = std::string_view("kmgtpe").find(unit[0]);
  if (power == std::string_view::npos) return std::nullopt;
  const std::string rest = unit.substr(1);
  const bool is_binary = rest == "i" || rest == "ib";
  if (!is_binary && !rest.empty() && rest != "b") return std::nullopt;
  std::uint64_t factor = 1;
  for (std::size_t i = 0; i <= power; ++i) factor *= is_binary ? 1024 : 1000;
  return factor;
}

std::uint64_t size_in(const std::string& option, const std::string& text) {
  const std::size_t end = std::min(text.find_first_not_of(digits), text.size());
  const std::size_t unit = std::min(text.find_first_not_of(' ', end), text.size());
  const std::optional<std::uint64_t> number = whole_text<std::uint64_t>(std::string_view(text).substr(0, end));
  const std::optional<std::uint64_t> factor = factor_of(text.substr(unit));
  const bool has_blank_at_end = text.ends_with(' ');
  if (number && factor && !has_blank_at_end && *number <= std::numeric_limits<std::uint64_t>::max() / *factor)
    return *number * *factor;
  refuse(option, text, "a size of less than 16 EiB, such as 4GB, 64MiB or a whole number of bytes");
}

double seconds_in(const std::string& option, const std::string& text) {
  const std::optional<double> seconds = number_in<double>(text, std::string(digits) + ".");
  if (seconds && *seconds <= max_seconds) return *seconds;
  refuse(option, text, "a number of seconds from 0 to 1000000, such as 10 or 0.5");
}

/// `read` makes the number of the text.
template <typename Number, typename Read>
CLI::Option& add(CLI::App& command, const std::string& name, Number& number, const std::string& description,
                 Read read) {
  return *command.add_option_function<std::string>(
      name, [&number, read](const std::string& text) { number = read(text); }, description);
}

template <typename Number>
CLI::Option& add_any_count(CLI::App& command, const std::string& name, Number& count, const std::string& description,
                           const NumberRange& range) {
  return add(command, name, count, description,
             [name, range](const std::string& text) { return count_in(name, text, range); });
}

}  // namespace

CLI::Option& add_count(CLI::App& command, const std::string& name, std::uint64_t& count, const std::string& description,
                       const NumberRange& range) {
  return add_any_count(command, name, count, description, range);
}

CLI::Option& add_count(CLI::App& command, const std::string& name, std::optional<std::uint64_t>& count,
                       const std::string& description, const NumberRange& range) {
  return add_any_count(command, name, count, description, range);
}

CLI::Option& add_size(CLI::App& command, const std::string& name, std::uint64_t& bytes,
                      const std::string& description) {
  return add(command, name, bytes, description, [name](const std::string& text) { return size_in(name, text); });
}

CLI::Option& add_seconds(CLI::App& command, const std::string& name, double& seconds, const std::string& description) {
  const std::string before = CLI::detail::to_string(seconds);
  CLI::Option& option =
      add(command, name, seconds, description, [name](const std::string& text) { return seconds_in(name, text); });
  return *option.default_str(before);
}

}  // namespace accrete::cli
