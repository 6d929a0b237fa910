#include "support/crash_disk.hpp"

#include <algorithm>

namespace accrete::test {

void apply_change(CrashNames& names, const CrashInode::Change& change) {
  if (!change.removed.empty()) names.erase(change.removed);
  if (!change.added.empty()) names[change.added] = change.inode;
}

void CrashInode::change(Change change) {
  apply_change(names, change);
  changes.push_back(std::move(change));
}

void CrashInode::sync_names() {
  synced_names = names;
  changes.clear();
}

std::string survivor(Random& random, const std::string& synced, const std::string& current) {
  constexpr std::size_t sector = 512;  // bytes
  switch (random_below(random, 3)) {
    case 0:
      return synced;
    case 1:
      return current;
    default:
      break;
  }
  // The last sector that both have, and what follows it, is of one of them.
  const std::size_t smaller = std::min(synced.size(), current.size());
  const std::size_t larger = std::max(synced.size(), current.size());
  std::string mixed = one_in(random, 2) ? synced : current;
  for (std::size_t begin = 0; begin + sector <= smaller; begin += sector) {
    mixed.replace(begin, sector, one_in(random, 2) ? synced : current, begin, sector);
  }
  if (mixed.size() == larger) mixed.resize(smaller + random_below(random, larger - smaller + 1));
  return mixed;
}

CrashNames surviving_names(Random& random, const CrashInode& directory) {
  const std::vector<CrashInode::Change>& changes = directory.changes;
  CrashNames names = directory.synced_names;
  const std::size_t how = random_below(random, 4);
  const std::size_t first_lost = how == 0 ? 0 : how == 1 ? random_below(random, changes.size() + 1) : changes.size();
  const bool out_of_order = how == 2;
  for (std::size_t i = 0; i < first_lost; ++i) {
    if (!out_of_order || one_in(random, 2)) apply_change(names, changes[i]);
  }
  return names;
}

}  // namespace accrete::test
