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

namespace {
constexpr std::size_t page_size = 4096;

/// The pages of a file of `size` bytes.
std::size_t page_count(std::size_t size) { return (size + page_size - 1) / page_size; }

std::string_view page_of(std::string_view bytes, std::size_t page) {
  const std::size_t begin = page * page_size;
  return begin < bytes.size() ? bytes.substr(begin, page_size) : std::string_view();
}
}  // namespace

void CrashInode::sync_bytes(const std::string& current) {
  std::string next = current;
  for (const std::size_t page : given_up) {
    const std::size_t begin = page * page_size;
    if (begin >= next.size()) continue;
    const std::size_t size = std::min(page_size, next.size() - begin);
    std::string stale(page_of(synced_bytes, page).substr(0, size));
    stale.resize(size, '\0');
    next.replace(begin, size, stale);
  }
  synced_bytes = std::move(next);
  is_grown = false;
}

void CrashInode::give_up_bytes(const std::string& current) {
  for (std::size_t page = 0; page < page_count(current.size()); ++page) {
    if (page_of(current, page) != page_of(synced_bytes, page)) given_up.insert(page);
  }
}

void CrashInode::write(std::size_t offset, std::size_t size, std::size_t size_before) {
  if (size == 0) return;
  is_grown = is_grown || offset + size > size_before;
  given_up.erase(given_up.lower_bound(offset / page_size), given_up.upper_bound((offset + size - 1) / page_size));
}

std::string survivor(Random& random, const CrashInode& file) {
  constexpr std::size_t sector = 512;  // bytes
  const std::string& synced = file.synced_bytes;
  const std::string& current = file.last_bytes;
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
  const bool is_size_torn = file.is_grown || current.size() < synced.size();  // a file grows by a truncate at once
  if (mixed.size() == larger && is_size_torn) mixed.resize(smaller + random_below(random, larger - smaller + 1));
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
