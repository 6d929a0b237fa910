#include "workload.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "random.hpp"

namespace bench {
namespace {

constexpr std::uint64_t key_seed = 1;
constexpr std::uint64_t pool_seed = 2;

/// How often ranks 0, 1, … come, cumulated.
std::vector<double> cumulated_weights(std::uint64_t count, double skew) {
  std::vector<double> sums;
  sums.reserve(count);
  double sum = 0;
  for (std::uint64_t rank = 0; rank < count; ++rank) {
    sum += std::pow(static_cast<double>(rank + 1), -skew);
    sums.push_back(sum);
  }
  return sums;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || text.empty()) throw std::runtime_error("cannot read a text from '" + path.string() + "'");
  return text;
}

}  // namespace

Workload::Workload(const WorkloadOptions& options)
    : appends_(options.appends),
      keys_(options.keys),
      entry_bytes_(options.entry_bytes),
      slice_step_(options.numeric ? sizeof(double) : 1),
      slices_((pool_bytes - options.entry_bytes) / slice_step_ + 1) {
  make_keys();
  make_pool(options);
  if (options.skew > 0) make_skewed_numbers(options.skew);
}

void Workload::make_keys() {
  constexpr std::string_view prefix = "key-";
  key_texts_.resize(keys_ * key_size);
  for (std::uint64_t i = 0; i < keys_; ++i) {
    char* const text = key_texts_.data() + i * key_size;
    prefix.copy(text, prefix.size());
    std::uint64_t rest = i;
    for (std::size_t digit = key_size; digit-- > prefix.size(); rest /= 10)
      text[digit] = static_cast<char>('0' + rest % 10);
  }
}

void Workload::make_pool(const WorkloadOptions& options) {
  pool_.resize(pool_bytes);
  if (options.text) {
    const std::string text = read_text(*options.text);
    for (std::size_t i = 0; i < pool_bytes; ++i) pool_[i] = text[i % text.size()];
    return;
  }
  Random random(pool_seed);
  for (std::size_t i = 0; i < pool_bytes; i += 8) {
    if (options.numeric) {
      const double number = random.next_fraction();
      std::memcpy(pool_.data() + i, &number, sizeof number);
    } else {
      const std::uint64_t bits = random.next();
      std::memcpy(pool_.data() + i, &bits, sizeof bits);
    }
  }
}

void Workload::make_skewed_numbers(double skew) {
  const std::vector<double> sums = cumulated_weights(keys_, skew);
  Random random(key_seed);
  key_numbers_.reserve(appends_);
  for (std::uint64_t i = 0; i < appends_; ++i) {
    const auto found = std::ranges::upper_bound(sums, random.next_fraction() * sums.back());
    const auto rank = std::min(static_cast<std::uint64_t>(found - sums.begin()), keys_ - 1);
    // Scattered, so that the keys that come often are not neighbours in the order of keys.
    key_numbers_.push_back(static_cast<std::uint32_t>((rank * scatter + 1) % keys_));
  }
}

Cursor::Cursor(const Workload& workload, std::size_t process, std::size_t processes) noexcept
    : workload_(workload),
      append_(process),
      stride_(processes),
      key_(process % workload.keys_),
      key_stride_(processes % workload.keys_),
      slice_(process * Workload::scatter % workload.slices_),
      slice_stride_(processes * Workload::scatter % workload.slices_) {}

std::size_t Cursor::next(std::span<Entry> entries) noexcept {
  std::size_t count = 0;
  for (; count < entries.size() && append_ < workload_.appends_; ++count) {
    entries[count] = entry();
    advance();
  }
  return count;
}

Entry Cursor::entry() const noexcept {
  const std::uint64_t key = workload_.key_numbers_.empty() ? key_ : workload_.key_numbers_[append_];
  return {.key = workload_.key(key), .bytes = workload_.slice(slice_)};
}

void Cursor::advance() noexcept {
  append_ += stride_;
  if ((key_ += key_stride_) >= workload_.keys_) key_ -= workload_.keys_;
  if ((slice_ += slice_stride_) >= workload_.slices_) slice_ -= workload_.slices_;
}

}  // namespace bench
