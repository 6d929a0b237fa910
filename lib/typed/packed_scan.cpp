#include "typed/packed_scan.hpp"

#include <array>

#include "typed/packed_token.hpp"

namespace accrete {
namespace {

using Result = PackedScan::Result;

/// Counts down, for each array and map that is open, the objects that it still lacks.
class PackedScanner {
 public:
  PackedScanner(std::string_view bytes, std::uint64_t left, const PackedLimits& limits)
      : bytes_(bytes), left_(left), limits_(limits) {
    lacking_[0] = 1;
  }

  PackedScan scan() {
    while (true) {
      pass_plain();
      if (at_ > bytes_.size()) return needs(at_);
      if (lacking_[depth_] == 0) {
        if (depth_ == 0) return at_ > limits_.item_bytes ? needs(at_) : PackedScan{Result::whole, at_, objects_, 0};
        --lacking_[--depth_];
        continue;
      }
      if (at_ == bytes_.size()) return needs(at_);
      --pending_;
      if (const Result result = enter(); result != Result::whole) {
        return result == Result::cut ? needs(needed_) : PackedScan{result, at_, 0, declared_};
      }
    }
  }

 private:
  /// Passes over objects without a body or others inside, which most are, up to the end of what is open.
  void pass_plain() noexcept {
    std::size_t at = at_;
    std::uint64_t lacking = lacking_[depth_];
    const auto size_of_next = [&] { return packed_forms::plain_sizes[static_cast<unsigned char>(bytes_[at])]; };
    while (lacking > 0 && at < bytes_.size()) {
      const std::size_t size = size_of_next();
      if (size == 0) break;
      // Of several of one size, the processor finds the next before it has seen this one.
      do {
        at += size;
        --lacking;
      } while (lacking > 0 && at < bytes_.size() && size_of_next() == size);
    }
    at_ = at;
    pending_ -= lacking_[depth_] - lacking;
    lacking_[depth_] = lacking;
  }

  /// Passes over a body, or opens an array or a map.
  Result enter() {
    const std::optional<PackedToken> token = read_packed_token(bytes_.substr(at_));
    if (!token) {
      needed_ = at_ + 1 + packed_forms::table[static_cast<unsigned char>(bytes_[at_])].number_bytes;
      return Result::cut;
    }
    if (token->kind == PackedKind::invalid) return Result::invalid;
    declared_ = token->number;
    const std::uint64_t follow = left_ - at_ - token->head_bytes;
    if (!token->is_container()) return pass(*token, follow);
    const std::uint64_t inside = token->objects_inside();
    if (inside > follow || pending_ > follow - inside) return Result::unfinished;
    if (token->number > limits_.elements) return Result::too_many;
    if (depth_ == limits_.depth) return Result::too_deep;
    at_ += token->head_bytes;
    pending_ += inside;
    objects_ += inside;
    lacking_[++depth_] = inside;
    return Result::whole;
  }

  Result pass(const PackedToken& token, std::uint64_t follow) {
    if (token.body_bytes() > follow || pending_ > follow - token.body_bytes()) return Result::unfinished;
    if (token.number > limits_.string_bytes) return Result::too_long;
    needed_ = at_ + token.head_bytes + token.body_bytes();
    if (needed_ > bytes_.size()) return Result::cut;
    at_ = static_cast<std::size_t>(needed_);
    --lacking_[depth_];
    return Result::whole;
  }

  /// The item goes on to `end` at least, and then has all that is pending.
  [[nodiscard]] PackedScan needs(std::uint64_t end) const {
    const std::uint64_t least = end + pending_;
    if (least > left_) return {Result::unfinished, bytes_.size(), 0, 0};
    if (least > limits_.item_bytes) return {Result::too_large, 0, 0, least};
    return {Result::cut, least, 0, 0};
  }

  std::string_view bytes_;
  std::uint64_t left_;
  const PackedLimits& limits_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::uint64_t pending_ = 1;  // objects that must still come, each of a byte at least
  std::uint64_t objects_ = 1;
  std::uint64_t needed_ = 0;
  std::uint64_t declared_ = 0;
  std::array<std::uint64_t, max_packed_depth + 1> lacking_;
};

std::string at_byte(std::uint64_t offset) { return " at byte " + std::to_string(offset); }

}  // namespace

PackedScan scan_packed(std::string_view bytes, std::uint64_t left, const PackedLimits& limits) {
  return PackedScanner(bytes, left, limits).scan();
}

std::string packed_problem(const PackedScan& scan, std::uint64_t offset, std::uint64_t left,
                           const PackedLimits& limits) {
  const std::string declared = std::to_string(scan.declared);
  const std::string place = at_byte(offset + scan.size);
  switch (scan.result) {
    case Result::invalid:
      return "the byte 0xC1" + place + " begins nothing in MessagePack";
    case Result::unfinished:
      if (scan.declared == 0) return "it is cut" + at_byte(offset + left);
      return "what begins" + place + " declares " + declared + " bytes or elements, and the value ends" +
             at_byte(offset + left);
    case Result::too_deep:
      return "arrays and maps lie in each other deeper than " + std::to_string(limits.depth) +
             " (PackedLimits::depth)" + place;
    case Result::too_many:
      return "an array or map" + place + " has " + declared + " elements, more than " +
             std::to_string(limits.elements) + " (PackedLimits::elements)";
    case Result::too_long:
      return "what begins" + place + " has " + declared + " bytes, more than " + std::to_string(limits.string_bytes) +
             " (PackedLimits::string_bytes)";
    case Result::too_large:
      return "it has at least " + declared + " bytes, more than " + std::to_string(limits.item_bytes) +
             " (PackedLimits::item_bytes)";
    default:
      return "it is cut" + at_byte(offset + left);
  }
}

void check_packed_limits(const PackedLimits& limits) {
  if (limits.depth >= 1 && limits.depth <= max_packed_depth) return;
  throw InvalidArgumentError("PackedLimits::depth is " + std::to_string(limits.depth) + "; it may be 1 to " +
                             std::to_string(max_packed_depth));
}

}  // namespace accrete
