// Random sequences of commands, run on a thing and on a plain model of it, and cut down to a short one that fails.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace accrete::test {

/// What an argument of a command may be. A counterexample has the first value that still fails.
struct Argument {
  /// From 0 on.
  [[nodiscard]] static Argument below(std::uint64_t bound) { return {.bound = bound}; }
  [[nodiscard]] static Argument one_of(std::vector<std::uint64_t> values) {
    return {.bound = values.size(), .values = std::move(values)};
  }

  [[nodiscard]] std::uint64_t value(std::uint64_t at) const { return values.empty() ? at : values[at]; }

  std::uint64_t bound = 0;  ///< of numbers, or of places in `values`
  std::vector<std::uint64_t> values{};
};

struct CommandKind {
  static constexpr std::size_t max_arguments = 3;

  std::string name;
  std::vector<Argument> arguments{};
};

struct DrawnCommand {
  std::size_t kind = 0;
  std::array<std::uint64_t, CommandKind::max_arguments> arguments{};
};

struct Campaign {
  int sequences = 200;
  int max_length = 100;  ///< of a sequence
};

/// Passes random sequences to `run`, which throws if there is something wrong. Returns the shortest found for which it
/// does, and what it says; empty if there is none. RapidCheck prints the seed, and takes another from RC_PARAMS.
[[nodiscard]] std::string counterexample(std::span<const CommandKind> kinds, const Campaign& campaign,
                                         const std::function<void(std::span<const DrawnCommand>)>& run);

/// A member of Pair, which is a thing and its model.
template <typename Pair>
struct Command {
  CommandKind kind;
  std::function<void(Pair&, const std::array<std::uint64_t, CommandKind::max_arguments>&)> run;
};

template <typename Pair, typename... Parameters, typename... Arguments>
[[nodiscard]] Command<Pair> command(std::string name, void (Pair::*member)(Parameters...), Arguments... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments));
  static_assert(sizeof...(Parameters) <= CommandKind::max_arguments);
  const auto run = [member]<std::size_t... at>(std::index_sequence<at...>) {
    return [member](Pair& pair, const std::array<std::uint64_t, CommandKind::max_arguments>& drawn) {
      (void)drawn;  // by a command without arguments
      (pair.*member)(static_cast<Parameters>(drawn[at])...);
    };
  };
  return {.kind = {.name = std::move(name), .arguments = {std::move(arguments)...}},
          .run = run(std::index_sequence_for<Parameters...>())};
}

/// As above: each sequence begins with a new Pair, whose `check` is called after each command.
template <typename Pair>
[[nodiscard]] std::string counterexample(const std::vector<Command<Pair>>& commands, const Campaign& campaign = {}) {
  std::vector<CommandKind> kinds;
  for (const Command<Pair>& command : commands) kinds.push_back(command.kind);
  return counterexample(kinds, campaign, [&](std::span<const DrawnCommand> sequence) {
    Pair pair;
    for (const DrawnCommand& drawn : sequence) {
      commands[drawn.kind].run(pair, drawn.arguments);
      pair.check();
    }
  });
}

}  // namespace accrete::test
