#include "support/commands.hpp"

#include <rapidcheck.h>
#include <sstream>

#include "support/campaign.hpp"

namespace accrete::test {
namespace {

/// All of the range from the first, short sequence on; RapidCheck's own begins with its front.
rc::Gen<std::uint64_t> any_below(std::uint64_t bound) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::uint64_t>(0, bound));
}

rc::Gen<std::uint64_t> value_of(const CommandKind& kind, std::size_t at) {
  if (at >= kind.arguments.size()) return rc::gen::just(std::uint64_t{0});
  const Argument& argument = kind.arguments[at];
  return rc::gen::map(any_below(argument.bound), [argument](std::uint64_t drawn) { return argument.value(drawn); });
}

rc::Gen<DrawnCommand> any_command(std::span<const CommandKind> kinds) {
  using Arguments = std::array<std::uint64_t, CommandKind::max_arguments>;
  static_assert(CommandKind::max_arguments == 3);
  std::vector<rc::Gen<Arguments>> arguments;
  for (const CommandKind& kind : kinds) {
    arguments.push_back(
        rc::gen::map(rc::gen::tuple(value_of(kind, 0), value_of(kind, 1), value_of(kind, 2)), [](const auto& values) {
          return Arguments{std::get<0>(values), std::get<1>(values), std::get<2>(values)};
        }));
  }
  return rc::gen::mapcat(rc::gen::noShrink(any_below(kinds.size())), [arguments](std::uint64_t kind) {
    return rc::gen::map(arguments[kind],
                        [kind](const Arguments& values) { return DrawnCommand{.kind = kind, .arguments = values}; });
  });
}

std::string text_of(const std::vector<DrawnCommand>& sequence, std::span<const CommandKind> kinds) {
  std::string text;
  for (const DrawnCommand& command : sequence) {
    const CommandKind& kind = kinds[command.kind];
    text += "  " + kind.name + "(";
    for (std::size_t i = 0; i < kind.arguments.size(); ++i) {
      text += (i > 0 ? ", " : "") + std::to_string(command.arguments[i]);
    }
    text += ")\n";
  }
  return text;
}

}  // namespace

std::string counterexample(std::span<const CommandKind> kinds, const Campaign& campaign,
                           const std::function<void(std::span<const DrawnCommand>)>& run) {
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  params.maxSuccess = campaign_steps(campaign.sequences);
  params.maxSize = campaign.max_length;
  const auto sequences = rc::gen::container<std::vector<DrawnCommand>>(any_command(kinds));
  std::string failing;  // what failed last is the shortest: RapidCheck tries only what is shorter still
  const auto result = rc::detail::checkTestable(
      [&] {
        // Not an argument of the property: RapidCheck would want to print it.
        const std::vector<DrawnCommand> sequence = *sequences;
        try {
          run(sequence);
        } catch (const std::exception& error) {
          failing = text_of(sequence, kinds) + error.what();
          throw;
        }
      },
      rc::detail::TestMetadata{}, params);
  if (result.template is<rc::detail::SuccessResult>()) return {};
  std::ostringstream text;
  text << '\n';
  if (failing.empty()) rc::detail::printResultMessage(result, text);
  text << failing << "\nRC_PARAMS=seed=" << params.seed << '\n';
  return text.str();
}

}  // namespace accrete::test
