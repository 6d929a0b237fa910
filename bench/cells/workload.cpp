#include "workload.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <stdexcept>

#include "text.hpp"

namespace bench {
namespace {

constexpr std::uint64_t key_seed = 1;
constexpr std::uint64_t pool_seed = 2;
constexpr std::uint64_t max_appends = 4'000'000'000;  // so that a number of one fits into 32 bits
constexpr std::uint64_t max_keys = 100'000'000;       // so that all have one length
static_assert(std::has_single_bit(pool_bytes));       // so that a mask takes the numbers of slices around

std::string make_keys(std::uint64_t count) {
  std::string texts;
  for (std::uint64_t i = 0; i < count; ++i) texts.append("key-").append(std::to_string(max_keys + i), 1);
  return texts;
}

std::string make_pool(const WorkloadOptions& options) {
  const std::size_t size = (pool_bytes + options.entry_bytes + 7) / 8 * 8;
  if (!options.text.empty()) return text_of(options.text, size);
  std::string pool(size, '\0');
  std::mt19937_64 random(pool_seed);
  std::uniform_real_distribution<double> numbers;
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t bits = options.numeric ? std::bit_cast<std::uint64_t>(numbers(random)) : random();
    std::memcpy(pool.data() + i, &bits, sizeof bits);
  }
  return pool;
}

[[noreturn]] void fail(std::string_view key, const std::string& problem, std::size_t offset) {
  throw std::runtime_error("the value of '" + std::string(key) + "' " + problem + " byte " + std::to_string(offset));
}

}  // namespace

Workload::Workload(const WorkloadOptions& options)
    : options_(options),
      slice_step_(options.numeric ? sizeof(double) : 1),
      last_slice_(pool_bytes / slice_step_ - 1),
      key_texts_(make_keys(options.keys)),
      pool_(make_pool(options)) {
  if (appends() > max_appends || keys() > max_keys) throw std::runtime_error("so many appends or keys have no numbers");
  key_numbers_.resize(appends());
  if (options.skew == 0) {
    for (std::uint64_t i = 0; i < appends(); ++i) key_numbers_[i] = static_cast<std::uint32_t>(i % keys());
    return;
  }
  std::vector<double> weights(keys());
  for (std::uint64_t rank = 0; rank < keys(); ++rank) weights[rank] = std::pow(rank + 1, -options.skew);
  std::discrete_distribution<std::uint64_t> ranks(weights.begin(), weights.end());
  std::mt19937_64 random(key_seed);
  // Scattered, so that the keys that come often are not neighbours in the order of keys.
  for (std::uint32_t& key : key_numbers_) key = static_cast<std::uint32_t>((ranks(random) * scatter + 1) % keys());
}

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
