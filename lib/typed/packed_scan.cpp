#include "typed/packed_scan.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "typed/packed_token.hpp"

namespace accrete {
namespace {

using Result = PackedScan::Result;

/// How one object takes an item further.
struct Advance {
  std::uint8_t bytes = 0;       ///< of a head and what follows it, but for objects; 0 if a number says it
  std::int8_t lacking = -1;     ///< by how many the objects change that the item still lacks
  std::uint8_t containers = 0;  ///< 1 for an array or a map
};

constexpr Advance advance_of(const PackedForm& form) {
  if (form.kind == PackedKind::invalid) return {};
  if (form.kind < PackedKind::string) return {.bytes = static_cast<std::uint8_t>(1 + form.number_bytes)};
  if (form.number_bytes > 0) return {};
  if (form.kind == PackedKind::array) return {1, static_cast<std::int8_t>(form.number - 1), 1};
  if (form.kind == PackedKind::map) return {1, static_cast<std::int8_t>(2 * form.number - 1), 1};
  return {.bytes = static_cast<std::uint8_t>((form.kind == PackedKind::extension ? 2 : 1) + form.number)};
}

constexpr std::array<Advance, 256> make_advances() {
  std::array<Advance, 256> advances{};
  for (std::size_t first = 0; first < 256; ++first) advances[first] = advance_of(packed_forms::table[first]);
  return advances;
}

constexpr std::array<Advance, 256> advances = make_advances();

/// Finds the end of the usual item: whole, with no more arrays and maps than may lie in each other, and of no more
/// bytes than it may have elements or objects. Says "cut" of any other.
PackedScan scan_usual(std::string_view bytes, const PackedLimits& limits) noexcept {
  constexpr PackedScan other{.result = Result::cut};
  std::size_t at = 0;
  std::uint64_t lacking = 1;
  std::uint64_t objects = 0;
  std::uint64_t containers = 0;
  while (lacking > 0) {
    if (at >= bytes.size()) return other;
    const char first = bytes[at];
    const Advance& advance = advances[static_cast<unsigned char>(first)];
    if (advance.bytes == 0) {
      const std::optional<PackedToken> token = read_packed_token(bytes.substr(at));
      if (!token || token->kind == PackedKind::invalid) return other;
      at += token->head_bytes + (token->has_body() ? token->body_bytes() : 0);
      lacking += (token->is_container() ? token->objects_inside() : 0) - 1;
      containers += token->is_container() ? 1 : 0;
      ++objects;
      continue;
    }
    // Of several that begin alike, the processor finds the next before it has seen this one.
    do {
      at += advance.bytes;
      lacking += static_cast<std::uint64_t>(std::int64_t{advance.lacking});
      ++objects;
      containers += advance.containers;
    } while (lacking > 0 && at < bytes.size() && bytes[at] == first);
  }
  const std::uint64_t min_limit = std::min({limits.elements, limits.string_bytes, limits.item_bytes, limits.objects});
  if (containers > limits.depth || at > bytes.size() || at > min_limit) return other;
  return {.result = Result::whole, .size = at, .objects = objects};
}

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
        if (depth_ == 0 && at_ > limits_.item_bytes) return needs(at_);
        if (depth_ == 0) return {.result = Result::whole, .size = at_, .objects = objects_};
        --lacking_[--depth_];
        continue;
      }
      if (at_ == bytes_.size()) return needs(at_);
      --pending_;
      if (const Result result = enter(); result != Result::whole) {
        if (result == Result::cut) return needs(needed_);
        return {.result = result, .size = at_, .declared = declared_, .kind = kind_};
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
    kind_ = token->kind;
    const std::uint64_t follow = left_ - at_ - token->head_bytes;
    if (!token->is_container()) return pass(*token, follow);
    const std::uint64_t inside = token->objects_inside();
    if (inside > follow || pending_ > follow - inside) return Result::unfinished;
    if (token->number > limits_.elements) return Result::too_many;
    if (depth_ == limits_.depth) return Result::too_deep;
    objects_ += inside;
    if (objects_ > limits_.objects) {
      declared_ = objects_;
      return Result::too_many_objects;
    }
    at_ += token->head_bytes;
    pending_ += inside;
    lacking_[++depth_] = inside;
    return Result::whole;
  }

  Result pass(const PackedToken& token, std::uint64_t follow) {
    if (token.body_bytes() > follow) return Result::unfinished;
    if (token.number > limits_.string_bytes) return Result::too_long;
    needed_ = at_ + token.head_bytes + token.body_bytes();
    if (needed_ > bytes_.size()) return Result::cut;
    at_ = static_cast<std::size_t>(needed_);
    --lacking_[depth_];
    return Result::whole;
  }

  /// The item goes on to `end` at least, and then has all that is pending.
  [[nodiscard]] PackedScan needs(std::uint64_t end) const {
    const std::uint64_t min_size = end + pending_;
    if (min_size > left_) return {.result = Result::unfinished, .size = bytes_.size()};
    if (min_size > limits_.item_bytes) return {.result = Result::too_large, .declared = min_size};
    return {.result = Result::cut, .size = min_size};
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
  PackedKind kind_ = PackedKind::nil;
  std::array<std::uint64_t, max_packed_depth + 1> lacking_;
};

const char* unit_of(PackedKind kind) {
  if (kind == PackedKind::array) return " elements";
  return kind == PackedKind::map ? " pairs" : " bytes";
}

std::string at_byte(std::uint64_t offset) { return " at byte " + std::to_string(offset); }

}  // namespace

PackedScan scan_packed(std::string_view bytes, std::uint64_t left, const PackedLimits& limits) {
  PackedScan scan = scan_usual(bytes, limits);
  if (scan.result != Result::whole) scan = PackedScanner(bytes, left, limits).scan();
  return scan;
}

std::string packed_problem(const PackedScan& scan, std::uint64_t offset, std::uint64_t left,
                           const PackedLimits& limits) {
  const std::string declared = std::to_string(scan.declared) + unit_of(scan.kind);
  const std::string place = at_byte(offset + scan.size);
  switch (scan.result) {
    case Result::invalid:
      return "the byte 0xC1" + place + " begins nothing in MessagePack";
    case Result::unfinished:
      if (scan.declared == 0) return "it is cut" + at_byte(offset + left);
      return "what begins" + place + " declares " + declared + ", and the value ends" + at_byte(offset + left);
    case Result::too_deep:
      return "arrays and maps lie in each other deeper than " + std::to_string(limits.depth) +
             " (PackedLimits::depth)" + place;
    case Result::too_many:
      return "what begins" + place + " has " + declared + ", more than " + std::to_string(limits.elements) +
             " (PackedLimits::elements)";
    case Result::too_many_objects:
      return "it has at least " + std::to_string(scan.declared) + " objects, more than " +
             std::to_string(limits.objects) + " (PackedLimits::objects)";
    case Result::too_long:
      return "what begins" + place + " has " + declared + ", more than " + std::to_string(limits.string_bytes) +
             " (PackedLimits::string_bytes)";
    case Result::too_large:
      return "it has at least " + declared + ", more than " + std::to_string(limits.item_bytes) +
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
