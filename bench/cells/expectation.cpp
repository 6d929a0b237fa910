#include "expectation.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

[[noreturn]] void fail(std::string_view key, const std::string& problem, std::size_t offset) {
  throw std::runtime_error("the value of '" + std::string(key) + "' " + problem + " byte " + std::to_string(offset));
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

void Expectation::check(std::uint64_t key, std::string_view value) const {
  const std::size_t size = workload_.entry_bytes();
  const std::string_view name = workload_.key(key);
  std::vector<std::vector<std::uint32_t>> rests(processes_);  // what has not been found yet of each, the next one last
  for (const std::uint32_t append : appends_to(key)) rests[append % processes_].push_back(append);
  for (auto& rest : rests) std::ranges::reverse(rest);

  std::size_t offset = 0;
  for (const std::size_t expected = size_of(key); offset < expected; offset += size) {
    if (value.size() - offset < size) fail(name, "ends at", value.size());
    // Of two processes that it could be of, either will do: all entries differ but for very few, unless they are of a
    // short text.
    const auto found = std::ranges::find_if(rests, [&](const auto& rest) {
      return !rest.empty() && workload_.bytes_of(rest.back()) == value.substr(offset, size);
    });
    if (found == rests.end()) fail(name, "is not what was appended in the entry from", offset);
    found->pop_back();
  }
  if (value.size() > offset) fail(name, "should end at", offset);
}

}  // namespace bench
