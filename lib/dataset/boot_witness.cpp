#include "dataset/boot_witness.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace accrete {
namespace {

constexpr std::uint64_t tolerance = 100'000'000;  // nanoseconds; what it takes to read one clock after the other

bool clocks_agree(const Boots& recorded, const Boot& now) noexcept {
  // Foreign numbers may be any, so that their difference must not overflow.
  const auto distance = static_cast<std::uint64_t>(now.epoch) - static_cast<std::uint64_t>(recorded.epoch);
  return distance + tolerance <= 2 * tolerance && recorded.uptime <= now.uptime + tolerance;
}

bool is_known(const Boots& recorded, const BootId& id) noexcept {
  // Not by ==, which libstdc++ 12 does byte by byte.
  return std::ranges::any_of(recorded.ids,
                             [&](const BootId& known) { return as_string_view(known) == as_string_view(id); });
}

}  // namespace

BootWitness::Told BootWitness::tell(const Boots& recorded) const {
  const bool known = is_known(recorded, boot_.id);
  if (known && clocks_agree(recorded, boot_)) return Told::same;
  if (!clocks_agree(recorded, env_.boot())) return Told::other_boot;
  return known ? Told::same : Told::new_id;
}

Boots BootWitness::first_record(const Boot& boot) noexcept {
  return {.epoch = boot.epoch, .uptime = boot.uptime, .ids = {boot.id}};
}

Boots BootWitness::next_record(const Boots& recorded) const {
  const Boot now = env_.boot();
  Boots next = first_record(now);
  if (tell(recorded) == Told::other_boot) return next;
  // The one that has not been new for longest goes.
  std::copy_n(recorded.ids.begin(), next.ids.size() - 1, next.ids.begin() + 1);
  return next;
}

}  // namespace accrete
