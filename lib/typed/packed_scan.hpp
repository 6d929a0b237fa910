// Finds where an item of MessagePack ends, and whether it is within limits, without recursion and without memory.
#pragma once

#include <accrete/packed_items.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "typed/packed_token.hpp"

namespace accrete {

inline constexpr std::size_t max_packed_depth = 1024;

struct PackedScan {
  enum class Result : std::uint8_t {
    whole,
    cut,         ///< more bytes are needed, and there are more
    invalid,     ///< a byte that begins nothing
    unfinished,  ///< declares more than what follows can hold
    too_deep,    ///< of the rest: beyond the limit
    too_many,
    too_many_objects,
    too_long,
    too_large,
  };
  Result result = Result::whole;
  std::uint64_t size = 0;             ///< whole: of the item. cut: that it has at least. Otherwise where it goes wrong
  std::uint64_t objects = 0;          ///< of a whole item
  std::uint64_t declared = 0;         ///< by what goes wrong: elements, pairs or bytes
  PackedKind kind = PackedKind::nil;  ///< of what declares it
};

/// Of the item at the front of `bytes`, which are followed by others so that there are `left` in all.
[[nodiscard]] PackedScan scan_packed(std::string_view bytes, std::uint64_t left, const PackedLimits& limits);

/// What is wrong, as the end of a message. `offset` is where the item begins, and `left` the bytes from there on.
[[nodiscard]] std::string packed_problem(const PackedScan& scan, std::uint64_t offset, std::uint64_t left,
                                         const PackedLimits& limits);

/// Throws InvalidArgumentError.
void check_packed_limits(const PackedLimits& limits);

}  // namespace accrete
