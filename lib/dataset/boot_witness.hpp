// Tells whether the system has been started anew since a dataset was last used: then power may have been lost, and what
// was not synced with it.
//
// What is relied on: within one boot, the wall clock minus the time since the boot stays the same unless somebody sets
// the clock, and the time since the boot only grows; containers share both, and what a time namespace adds is taken off
// again where /proc tells it. The kernel's boot id is no witness by itself: a container may have one of its own, or one
// that is the same for ever. So it is positively the same boot only if all three agree: the epoch, the uptime, and an
// id that was seen in this boot before.
//
// Whatever else is the case, the dataset is recovered as after power loss, which changes nothing where there was none.
// So a clock that was set, or a new container, costs a recount. Where clocks begin with the same time at each boot and
// the id never changes, a reboot cannot be told.
#pragma once

#include <array>
#include <cstdint>

#include "os/env.hpp"

namespace accrete {

/// By what a reboot is told.
struct Boots {
  std::int64_t epoch = 0;       ///< nanoseconds of the wall clock at which the system was started
  std::uint64_t uptime = 0;     ///< nanoseconds since, when this was recorded
  std::array<BootId, 4> ids{};  ///< seen since; zeros: none
};

class BootWitness {
 public:
  /// `env` must outlive it.
  explicit BootWitness(const Env& env) : env_(env), boot_(env.boot()) {}

  enum class Told {
    same,       ///< positively the same boot
    new_id,     ///< the clocks agree, but an id comes that was not seen before
    other_boot  ///< another boot, another machine, or a clock that was set
  };
  [[nodiscard]] Told tell(const Boots& recorded) const;

  /// What is to be recorded of a new dataset.
  [[nodiscard]] static Boots first_record(const Boot& boot) noexcept;
  /// What is to be recorded once a dataset that has `recorded` has been recovered.
  [[nodiscard]] Boots next_record(const Boots& recorded) const;

 private:
  const Env& env_;
  const Boot boot_;  // of this process: its clock may have been set since
};

}  // namespace accrete
