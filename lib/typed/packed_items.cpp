#include <accrete/packed_items.hpp>
#include <algorithm>

#include "base/escape.hpp"
#include "base/within_memory.hpp"
#include "typed/packed_scan.hpp"
#include "typed/packed_token.hpp"

namespace accrete {
namespace {

using Result = PackedScan::Result;

constexpr std::uint64_t window_bytes = 256 << 10;

}  // namespace

PackedItems::PackedItems(const Store& store, std::string_view key, const PackedLimits& limits)
    : store_(&store), key_(key), limits_(limits), size_(store.size(key).value_or(0)) {
  check_packed_limits(limits);
}

PackedItems::PackedItems(std::string_view value, std::string_view key, const PackedLimits& limits)
    : key_(key), limits_(limits), size_(value.size()), given_(value) {
  check_packed_limits(limits);
}

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
      const std::string message = "cannot read item " + std::to_string(number_ + 1) + " of key " + quoted(key_) + ": " +
                                  packed_problem(scan, offset, left, limits_);
      if (scan.result > Result::unfinished) throw TooLargeError(message);
      throw CorruptionError(message);
    }
    within_memory("read item " + std::to_string(number_ + 1) + " of key " + quoted(key_), [&] { fill(scan.size); });
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
  const std::string more = store_->get_range(key_, begin_ + read_.size(), wanted - read_.size());
  if (more.size() < wanted - read_.size()) {
    throw Error("cannot read item " + std::to_string(number_ + 1) + " of key " + quoted(key_) +
                ": it was erased while it was read");
  }
  read_.append(more);
}

}  // namespace accrete
