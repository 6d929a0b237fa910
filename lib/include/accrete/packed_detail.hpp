// What accrete/packed.hpp is made of, as far as it is the same for all types. Not to be used directly.
#pragma once

#include <accrete/export.hpp>
#include <accrete/packed_items.hpp>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace accrete::packed_detail {

/// Throws TooLargeError: the `number`th item that is to be appended to `key` has `bytes` bytes at least.
[[noreturn]] ACCRETE_API void throw_too_large(std::string_view key, std::uint64_t number, std::uint64_t bytes,
                                              const PackedLimits& limits);

/// Throws unless `item`, the `number`th that is to be appended to `key`, is one item within the limits: TooLargeError,
/// or InvalidArgumentError.
ACCRETE_API void check_item(std::string_view item, std::string_view key, std::uint64_t number,
                            const PackedLimits& limits);

enum class Cause { type, memory };

/// The item cannot be packed, says `what`: TooLargeError for want of memory, else InvalidArgumentError.
[[noreturn]] ACCRETE_API void throw_packing_error(std::string_view key, std::uint64_t number, std::string_view type,
                                                  Cause cause, std::string_view what);

/// `bytes`, the item that `items` has returned last, cannot become a `type`, says `what`, which may be empty:
/// TooLargeError for want of memory, else TypeMismatchError.
[[noreturn]] ACCRETE_API void throw_unpacking_error(const PackedItems& items, std::string_view bytes,
                                                    std::string_view type, Cause cause, std::string_view what);

/// Runs `work`; what the standard library throws for want of memory becomes TooLargeError, which says that one cannot
/// `action` of the key.
ACCRETE_API void within_memory(std::string_view action, std::string_view key, const std::function<void()>& work);

/// Since 1970-01-01T00:00:00Z, without leap seconds.
struct PackedTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;  ///< below 10^9
};

/// Of a timestamp, which is an extension of the type -1; nullopt for a body that is none.
[[nodiscard]] ACCRETE_API std::optional<PackedTime> read_packed_time(std::string_view body) noexcept;

struct TimeBody {
  std::array<char, 12> bytes{};
  std::uint32_t size = 0;
};

/// Of a timestamp, the shortest.
[[nodiscard]] ACCRETE_API TimeBody time_body(const PackedTime& time) noexcept;

/// A count of periods that have so many nanoseconds. Throws std::range_error for what 64 bits of seconds cannot hold.
[[nodiscard]] ACCRETE_API PackedTime time_of_count(std::int64_t count, std::int64_t period_nanoseconds);

/// Rounds to the nanosecond. Throws std::range_error.
[[nodiscard]] ACCRETE_API PackedTime time_of_seconds(double seconds);

/// Whole periods; nullopt if 64 bits cannot hold them.
[[nodiscard]] ACCRETE_API std::optional<std::int64_t> count_of_time(const PackedTime& time,
                                                                    std::int64_t period_nanoseconds) noexcept;

}  // namespace accrete::packed_detail
