// What is appended: which bytes to which key, in which order, and what the values must be then. Nothing of it is made
// while a clock runs.
#pragma once

#include <accrete/store.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

using accrete::Entry;  // a pair of views, which every engine takes alike

/// The bytes of all appends are slices of a pool that begin in so many bytes of it.
inline constexpr std::size_t pool_bytes = std::size_t{4} << 20;

struct WorkloadOptions {
  std::uint64_t appends = 0;
  std::uint64_t keys = 0;
  std::size_t entry_bytes = 0;
  double skew = 0;               ///< of a Zipf distribution; 0: round robin
  bool numeric = false;          ///< the bytes are 64-bit floats
  std::filesystem::path text{};  ///< the bytes are this file's; without, they are random
};

/// 10^8 appends to 10^7 keys fit into memory: a key is a view into one text, an append a number.
class Workload {
 public:
  explicit Workload(const WorkloadOptions& options);

  [[nodiscard]] std::uint64_t appends() const noexcept { return options_.appends; }
  [[nodiscard]] std::uint64_t keys() const noexcept { return options_.keys; }
  [[nodiscard]] std::size_t entry_bytes() const noexcept { return options_.entry_bytes; }

  [[nodiscard]] std::string_view key(std::uint64_t index) const noexcept {
    return {key_texts_.data() + index * key_size, key_size};
  }
  /// The index of the key that append number `append` goes to.
  [[nodiscard]] std::uint64_t key_of(std::uint64_t append) const noexcept { return key_numbers_[append]; }
  [[nodiscard]] std::string_view bytes_of(std::uint64_t append) const noexcept {
    return {pool_.data() + (append * scatter & last_slice_) * slice_step_, entry_bytes()};
  }

 private:
  static constexpr std::size_t key_size = 12;  // "key-" and eight digits
  // A prime, so it has no factor in common with smaller numbers.
  static constexpr std::uint64_t scatter = 2'654'435'761;

  WorkloadOptions options_;
  std::size_t slice_step_;    ///< where slices may begin
  std::uint64_t last_slice_;  ///< one less than how many there are, which is a power of two
  std::string key_texts_;
  std::string pool_;
  std::vector<std::uint32_t> key_numbers_;  ///< of each append
};

/// The appends of one of `processes` processes.
class Cursor {
 public:
  Cursor(const Workload& workload, std::size_t process, std::size_t processes) noexcept
      : workload_(workload), append_(process), stride_(processes) {}

  /// As many of the next entries as there are, up to the size of `entries`; returns how many.
  std::size_t next(std::span<Entry> entries) noexcept {
    std::size_t count = 0;
    for (; count < entries.size() && append_ < workload_.appends(); ++count, append_ += stride_)
      entries[count] = {.key = workload_.key(workload_.key_of(append_)), .bytes = workload_.bytes_of(append_)};
    return count;
  }

 private:
  const Workload& workload_;
  std::uint64_t append_;
  std::uint64_t stride_;
};

/// Of stores that have no append: each entry is a record of its own, and a number puts those of a key in order. This is
/// the key and, after it, a number whose bytes sort as it does. All keys of a workload have one length, so none is the
/// beginning of another.
class NumberedKey {
 public:
  NumberedKey(std::string_view key, std::uint64_t number) noexcept : size_(key.size() + sizeof number) {
    key.copy(bytes_.data(), key.size());
    for (std::size_t i = size_; i-- > key.size(); number >>= 8U) bytes_[i] = static_cast<char>(number & 0xffU);
  }

  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<char, 64> bytes_;  // more than the keys of a workload have
  std::size_t size_;
};

/// What the values must be: each holds all that was appended to its key, once and in order.
class Expectation {
 public:
  /// Append j was process j mod `processes`'s.
  Expectation(const Workload& workload, std::size_t processes);

  [[nodiscard]] std::uint64_t size_of(std::uint64_t key) const noexcept;

  /// Throws std::runtime_error, with the key and the offset, unless the value is the entries of the key in their order.
  /// Of several processes, any merge that keeps the order of each is right.
  void check(std::uint64_t key, std::string_view value) const;

 private:
  [[nodiscard]] std::span<const std::uint32_t> appends_to(std::uint64_t key) const noexcept;

  const Workload& workload_;
  std::size_t processes_;
  std::vector<std::uint64_t> begins_;   ///< in appends_, of each key and of the end
  std::vector<std::uint32_t> appends_;  ///< by key, and in order within one
};

}  // namespace bench
