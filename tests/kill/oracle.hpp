// Judges what the killed writers have left.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <vector>

#include "kill/workload.hpp"

namespace accrete::test {

/// What became of the batches.
struct Tally {
  std::uint64_t done = 0;
  std::uint64_t unknown_applied = 0;
  std::uint64_t unknown_lost = 0;
};

/// Throws std::runtime_error, with the first thing that is wrong, unless every value holds whole records, none twice,
/// each writer's in its order; every action that was done is there in whole, and every unknown one in whole or not at
/// all.
[[nodiscard]] Tally judge(const Store& store, const std::vector<Progress>& workers);

/// As above, of one moment while writers are at work: no torn record, none twice, no batch in part.
void judge_moment(const Store& store);

}  // namespace accrete::test
