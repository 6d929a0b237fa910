#include "cli/describe.hpp"

#include <cctype>
#include <sstream>
#include <string_view>

namespace accrete::cli {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

std::vector<const CLI::Option*> options_of(const CLI::App& command, bool positional) {
  return command.get_options([positional](const CLI::Option* option) {
    return option->get_positional() == positional && !option->get_group().empty();
  });
}

/// With their hyphens, short ones first.
std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

/// The words that an option's value is one of, such as text|msgpack.
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::vector<std::string> words = split(option.get_type_name(), '|');
  return words.size() > 1 ? words : std::vector<std::string>();
}

bool is_file(const CLI::Option& option) { return option.get_type_name() == "FILE"; }

std::string roff(const std::string& text) {
  std::string escaped = replaced(replaced(text, "\\", "\\e"), "-", "\\-");
  if (escaped.starts_with('.') || escaped.starts_with('\'')) escaped.insert(0, "\\&");
  return escaped + "\n";
}

std::string upper_case(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return text;
}

std::string roff_section(std::string title) {
  if (title.ends_with(':')) title.pop_back();
  return ".SH " + roff(upper_case(title));
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::string roff_options(const std::vector<const CLI::Option*>& options) {
  std::string text;
  for (const CLI::Option* option : options) {
    const bool positional = option->get_positional();
    std::string head = positional ? option->get_name(true) : joined(names_of(*option), ", ");
    if (!positional && takes_value(*option)) head += " " + option->get_type_name();
    std::string body = option->get_description();
    if (!option->get_default_str().empty()) body += " (default: " + option->get_default_str() + ")";
    text += ".TP\n" + roff(head) + roff(body);
  }
  return text;
}

bool is_indented(const std::string& line) { return line.starts_with("  "); }

/// Of what follows the options: a section begins with a line whose next one is indented.
std::string roff_footer(const std::string& footer) {
  const std::vector<std::string> lines = split(footer, '\n');
  std::string text = lines.empty() || (lines.size() > 1 && is_indented(lines[1])) ? "" : roff_section("Notes");
  bool example = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.empty()) {
      text += example || i + 1 == lines.size() ? "" : ".PP\n";
    } else if (!is_indented(line) && i + 1 < lines.size() && is_indented(lines[i + 1])) {
      if (text.ends_with(".PP\n")) text.resize(text.size() - 4);
      example = line == "Example:";
      text += roff_section(line) + (example ? ".nf\n" : "");
    } else {
      text += roff(is_indented(line) ? line.substr(2) : line);
    }
  }
  return text + (example ? ".fi\n" : "");
}

std::string roff_commands(const CLI::App& app) {
  std::string text = roff_section("Commands");
  for (const CLI::App* command : visible_commands(app)) {
    text += ".TP\n.BR " + app.get_name() + "\\-" + command->get_name() + " (1)\n" + roff(command->get_description());
  }
  return text;
}

std::string synopsis(const CLI::App& command) {
  std::string text = " [OPTIONS]";
  for (const CLI::Option* option : options_of(command, true)) {
    const std::string name = option->get_name(true) + (option->get_items_expected_max() > 1 ? "..." : "");
    text += option->get_required() ? " " + name : " [" + name + "]";
  }
  return text;
}

// Completions

/// In single quotes of a shell.
std::string shell_word(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

std::string option_words(const CLI::App& command) {
  std::vector<std::string> words;
  for (const CLI::Option* option : options_of(command, false)) {
    for (const std::string& name : names_of(*option)) words.push_back(name);
  }
  return joined(words, " ");
}

std::string command_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* command : visible_commands(app)) words.push_back(command->get_name());
  return joined(words, " ");
}

/// What follows an option that takes a value; of a file, bash completes it by itself.
std::string bash_values(const CLI::App& command) {
  std::string text;
  for (const CLI::Option* option : options_of(command, false)) {
    if (!takes_value(*option) || is_file(*option)) continue;
    text += "        " + joined(names_of(*option), "|") + ") words=" + shell_word(joined(choices_of(*option), " ")) +
            "; value=1 ;;\n";
  }
  return text;
}

/// For zsh's _arguments, in which colons and brackets mean something.
std::string zsh_text(const std::string& text) {
  std::string escaped = replaced(text, "\\", "\\\\");
  for (const char* special : {":", "[", "]"}) escaped = replaced(escaped, special, std::string("\\") + special);
  return escaped;
}

std::string zsh_value(const CLI::Option& option) {
  const std::vector<std::string> choices = choices_of(option);
  const std::string name = option.get_positional() ? option.get_name(true) : option.get_type_name();
  const std::string action = is_file(option) || option.get_positional() ? "_files"
                             : choices.empty()                          ? " "
                                                                        : "(" + joined(choices, " ") + ")";
  return ":" + zsh_text(name) + ":" + action;
}

std::string zsh_options(const CLI::App& command) {
  std::string text;
  for (const CLI::Option* option : options_of(command, false)) {
    for (const std::string& name : names_of(*option)) {
      text += " \\\n        " + shell_word(name + "[" + zsh_text(option->get_description()) + "]" +
                                           (takes_value(*option) ? zsh_value(*option) : ""));
    }
  }
  for (const CLI::Option* option : options_of(command, true)) {
    const bool several = option->get_items_expected_max() > 1;
    text += " \\\n        " + shell_word((several ? "*" : option->get_required() ? "" : ":") + zsh_value(*option));
  }
  return text;
}

std::string fish_option(const std::string& command, const CLI::Option& option) {
  std::string text = "complete -c accrete -n " + shell_word("__fish_seen_subcommand_from " + command);
  for (const std::string& name : option.get_snames()) text += " -s " + name;
  for (const std::string& name : option.get_lnames()) text += " -l " + name;
  if (takes_value(option) && !is_file(option)) text += " -x";
  if (is_file(option)) text += " -r";
  if (!choices_of(option).empty()) text += " -a " + shell_word(joined(choices_of(option), " "));
  return text + " -d " + shell_word(option.get_description()) + "\n";
}

}  // namespace

std::vector<const CLI::App*> visible_commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::string manual_page(const CLI::App& app, const CLI::App& command) {
  const bool whole = &app == &command;
  const std::string name = whole ? app.get_name() : app.get_name() + "-" + command.get_name();
  std::string text = ".TH " + upper_case(name) + " 1 \"\" \"accrete " ACCRETE_VERSION "\"\n";
  text += roff_section("Name") + roff(name + " - " + command.get_description()) + roff_section("Synopsis");
  text += roff(whole ? app.get_name() + " COMMAND" + synopsis(command)
                     : app.get_name() + " " + command.get_name() + synopsis(command));
  if (whole) text += roff_commands(app);
  if (const auto positionals = options_of(command, true); !positionals.empty()) {
    text += roff_section("Arguments") + roff_options(positionals);
  }
  text += roff_section("Options") + roff_options(options_of(command, false)) + roff_footer(command.get_footer());
  return whole ? text : text + roff_section("See also") + ".BR " + app.get_name() + " (1)\n";
}

std::string bash_completion(const CLI::App& app) {
  std::string text =
      "# Completion of bash for accrete.\n"
      "_accrete() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words= value=\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    words=" +
      shell_word(command_words(app) + " " + option_words(app)) +
      "\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "    return\n"
      "  fi\n"
      "  case ${COMP_WORDS[1]} in\n";
  for (const CLI::App* command : visible_commands(app)) {
    text += "    " + command->get_name() + ")\n      case $previous in\n" + bash_values(*command) +
            "        *) [[ $current != -* ]] || words=" + shell_word(option_words(*command)) +
            " ;;\n      esac\n      ;;\n";
  }
  return text +
         "  esac\n"
         "  [[ -z $value ]] || compopt +o default 2>/dev/null\n"
         "  [[ -z $words ]] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "}\n"
         "complete -o default -F _accrete accrete\n";
}

std::string zsh_completion(const CLI::App& app) {
  std::string text =
      "#compdef accrete\n"
      "_accrete() {\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const CLI::App* command : visible_commands(app)) {
    text += "    " + shell_word(command->get_name() + ":" + zsh_text(command->get_description())) + "\n";
  }
  text +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $words[1] in\n";
  for (const CLI::App* command : visible_commands(app)) {
    text += "    " + command->get_name() + ")\n      _arguments" + zsh_options(*command) + "\n      ;;\n";
  }
  return text + "  esac\n}\n_accrete \"$@\"\n";
}

std::string fish_completion(const CLI::App& app) {
  std::string text = "# Completion of fish for accrete.\n";
  for (const CLI::App* command : visible_commands(app)) {
    text += "complete -c accrete -n __fish_use_subcommand -f -a " + command->get_name() + " -d " +
            shell_word(command->get_description()) + "\n";
    for (const CLI::Option* option : options_of(*command, false)) text += fish_option(command->get_name(), *option);
  }
  return text;
}

}  // namespace accrete::cli
