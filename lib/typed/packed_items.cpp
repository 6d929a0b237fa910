#include <accrete/packed_items.hpp>
#include <algorithm>
#include <optional>

#include "base/escape.hpp"
#include "base/hash.hpp"
#include "base/within_memory.hpp"
#include "store/consistently.hpp"
#include "typed/packed_scan.hpp"

namespace accrete {
namespace {

using Result = PackedScan::Result;

constexpr std::uint64_t window_bytes = 256 << 10;

}  // namespace

/// Reads a value from its front on, all of it as it was at one moment.
class PackedItems::Reading {
 public:
  Reading(const Store& store, std::string_view key) : store_(store), key_(key) {}

  /// The front, with which the size is known; nullopt if the value was erased meanwhile.
  [[nodiscard]] std::optional<std::string> begin() {
    std::string front = store_.get_range(key_, 0, window_bytes);
    size_ = front.size();
    if (front.size() < window_bytes) return front;
    removals_ = store_.removals();
    front = store_.get_range(key_, 0, window_bytes);
    size_ = store_.size(key_).value_or(0);
    if (front.size() != std::min(window_bytes, size_)) return std::nullopt;
    add(front);
    return front;
  }

  /// Of the whole value.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// What follows; nullopt if the value was erased, or may have been.
  [[nodiscard]] std::optional<std::string> read_on(std::uint64_t size) {
    std::string more = store_.get_range(key_, read_bytes_, size);
    if (more.size() < size) return std::nullopt;
    add(more);
    if (store_.removals() != removals_ && !is_still_there()) return std::nullopt;
    return more;
  }

 private:
  void add(std::string_view bytes) noexcept {
    hash_.update(bytes);
    read_bytes_ += bytes.size();
  }

  /// Whether the value begins with all that was read, so that only others were removed.
  [[nodiscard]] bool is_still_there() {
    const auto read_again = [&](std::uint64_t removals) {
      StreamHash hash;
      for (std::uint64_t offset = 0; offset < read_bytes_; offset += window_bytes) {
        hash.update(store_.get_range(key_, offset, std::min(window_bytes, read_bytes_ - offset)));
      }
      removals_ = removals;
      return hash.digest() == hash_.digest();
    };
    return consistently(store_, read_again, [] { return false; });
  }

  const Store& store_;
  std::string key_;
  std::uint64_t size_ = 0;
  std::uint64_t removals_ = 0;  // when what was read so far was there
  std::uint64_t read_bytes_ = 0;
  StreamHash hash_;  // of them
};

PackedItems::PackedItems(const Store& store, std::string_view key, const PackedLimits& limits)
    : key_(key), limits_(limits), reading_(std::make_unique<Reading>(store, key)) {
  check_packed_limits(limits);
  within_memory(action(), [&] {
    std::optional<std::string> front = reading_->begin();
    if (!front) throw_erased();
    read_ = std::move(*front);
    size_ = reading_->size();
  });
}

PackedItems::PackedItems(std::string_view value, std::string_view key, const PackedLimits& limits)
    : key_(key), limits_(limits), size_(value.size()), given_(value) {
  check_packed_limits(limits);
}

PackedItems::PackedItems(PackedItems&&) noexcept = default;
PackedItems& PackedItems::operator=(PackedItems&&) noexcept = default;
PackedItems::~PackedItems() = default;

std::string_view PackedItems::next() {
  const std::uint64_t offset = begin_ + at_;
  const std::uint64_t left = size_ - offset;
  if (left == 0) return {};
  while (true) {
    const PackedScan scan = scan_packed(window().substr(at_), left, limits_);
    if (scan.result == Result::whole) {
      const std::string_view item = window().substr(at_, static_cast<std::size_t>(scan.size));
      at_ += item.size();
      ++number_;
      objects_ = scan.objects;
      return item;
    }
    if (scan.result != Result::cut) {
      const std::string message = "cannot " + action() + ": " + packed_problem(scan, offset, left, limits_);
      if (scan.result > Result::unfinished) throw TooLargeError(message);
      throw CorruptionError(message);
    }
    within_memory(action(), [&] { fill(scan.size); });
  }
}

/// Brings the item at the front into the window up to `needed` bytes, and further: twice as much as before, so that an
/// item whose size shows little by little is not looked at too often.
void PackedItems::fill(std::uint64_t needed) {
  read_.erase(0, at_);
  begin_ += at_;
  at_ = 0;
  const std::uint64_t wanted =
      std::min(size_ - begin_, std::max({needed, window_bytes, 2 * std::uint64_t{read_.size()}}));
  const std::optional<std::string> more = reading_->read_on(wanted - read_.size());
  if (!more) throw_erased();
  read_.append(*more);
}

std::string PackedItems::action() const {
  return "read item " + std::to_string(number_ + 1) + " of key " + quoted(key_);
}

void PackedItems::throw_erased() const {
  throw ErasedError("cannot " + action() + ": it was erased while it was read, or may have been; read it again");
}

}  // namespace accrete
