#include "expectation.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

[[noreturn]] void fail(std::string_view key, const std::string& problem, std::size_t offset) {
  throw std::runtime_error("the value of '" + std::string(key) + "' " + problem + " byte " + std::to_string(offset));
}

/// The entries of one process that have not been found yet.
struct Rest {
  std::span<const std::uint32_t> appends;
};

/// Takes the next entry of the first process that `bytes` can be of. Of two that could be, either will do: all entries
/// differ but for very few, unless they are of a short text.
bool take_next(std::vector<Rest>& rests, const Workload& workload, std::string_view bytes) {
  for (Rest& rest : rests) {
    if (rest.appends.empty() || workload.bytes_of(rest.appends.front()) != bytes) continue;
    rest.appends = rest.appends.subspan(1);
    return true;
  }
  return false;
}

}  // namespace

Expectation::Expectation(const Workload& workload, std::size_t processes)
    : workload_(workload), processes_(processes), begins_(workload.keys() + 1), appends_(workload.appends()) {
  for (std::uint64_t i = 0; i < workload.appends(); ++i) ++begins_[workload.key_of(i) + 1];
  for (std::uint64_t key = 0; key < workload.keys(); ++key) begins_[key + 1] += begins_[key];
  std::vector<std::uint64_t> ends(begins_.begin(), begins_.end() - 1);
  for (std::uint64_t i = 0; i < workload.appends(); ++i)
    appends_[ends[workload.key_of(i)]++] = static_cast<std::uint32_t>(i);
}

std::span<const std::uint32_t> Expectation::appends_to(std::uint64_t key) const noexcept {
  return std::span(appends_).subspan(begins_[key], begins_[key + 1] - begins_[key]);
}

std::uint64_t Expectation::size_of(std::uint64_t key) const noexcept {
  return appends_to(key).size() * workload_.entry_bytes();
}

std::vector<std::vector<std::uint32_t>> Expectation::by_process(std::span<const std::uint32_t> appends) const {
  std::vector<std::vector<std::uint32_t>> parts(processes_);
  for (const std::uint32_t append : appends) parts[append % processes_].push_back(append);
  return parts;
}

void Expectation::check(std::uint64_t key, std::string_view value) const {
  const std::size_t size = workload_.entry_bytes();
  const std::string_view name = workload_.key(key);
  const auto parts = by_process(appends_to(key));
  std::vector<Rest> rests;
  rests.reserve(parts.size());
  for (const auto& part : parts) rests.push_back({part});

  std::size_t offset = 0;
  for (const std::size_t expected = size_of(key); offset < expected; offset += size) {
    if (value.size() - offset < size) fail(name, "ends at", value.size());
    if (!take_next(rests, workload_, value.substr(offset, size)))
      fail(name, "is not what was appended in the entry from", offset);
  }
  if (value.size() > offset) fail(name, "should end at", offset);
}

}  // namespace bench
