// Timestamps of MessagePack: seconds alone in 32 bits; 30 bits of nanoseconds and 34 of seconds; or 32 and 64 bits.
#include <accrete/packed_detail.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "typed/packed_token.hpp"

namespace accrete::packed_detail {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t nanoseconds_a_second = 1'000'000'000;
constexpr unsigned short_seconds_bits = 34;
constexpr std::uint64_t short_seconds = (std::uint64_t{1} << short_seconds_bits) - 1;

bool fits_64_bits(Wide number) noexcept {
  return number >= std::numeric_limits<std::int64_t>::min() && number <= std::numeric_limits<std::int64_t>::max();
}

[[noreturn]] void throw_far_time() { throw std::range_error("the time is beyond what MessagePack can hold"); }

void store_number(TimeBody& body, std::uint64_t number, std::uint32_t bytes) noexcept {
  for (std::uint32_t left = bytes; left-- > 0;)
    body.bytes[body.size++] = static_cast<char>(number >> (8 * left) & 0xFF);
}

}  // namespace

std::optional<PackedTime> read_packed_time(std::string_view body) noexcept {
  std::uint64_t seconds = 0;
  std::uint64_t nanoseconds = 0;
  if (body.size() == 4) {
    seconds = load_packed_number(body);
  } else if (body.size() == 8) {
    seconds = load_packed_number(body) & short_seconds;
    nanoseconds = load_packed_number(body) >> short_seconds_bits;
  } else if (body.size() == 12) {
    seconds = load_packed_number(body.substr(4));
    nanoseconds = load_packed_number(body.substr(0, 4));
  } else {
    return std::nullopt;
  }
  if (nanoseconds >= nanoseconds_a_second) return std::nullopt;
  return PackedTime{static_cast<std::int64_t>(seconds), static_cast<std::uint32_t>(nanoseconds)};
}

TimeBody time_body(const PackedTime& time) noexcept {
  const auto seconds = static_cast<std::uint64_t>(time.seconds);
  TimeBody body;
  if (seconds > short_seconds) {
    store_number(body, time.nanoseconds, 4);
    store_number(body, seconds, 8);
  } else if (time.nanoseconds > 0 || seconds > std::numeric_limits<std::uint32_t>::max()) {
    store_number(body, std::uint64_t{time.nanoseconds} << short_seconds_bits | seconds, 8);
  } else {
    store_number(body, seconds, 4);
  }
  return body;
}

PackedTime time_of_count(std::int64_t count, std::int64_t period_nanoseconds) {
  const Wide nanoseconds = Wide{count} * period_nanoseconds;
  Wide seconds = nanoseconds / nanoseconds_a_second;
  Wide rest = nanoseconds % nanoseconds_a_second;
  if (rest < 0) {
    rest += nanoseconds_a_second;
    --seconds;
  }
  if (!fits_64_bits(seconds)) throw_far_time();
  return {static_cast<std::int64_t>(seconds), static_cast<std::uint32_t>(rest)};
}

PackedTime time_of_seconds(double seconds) {
  const double whole = std::floor(seconds);
  if (!(std::abs(whole) < 0x1p63)) throw_far_time();
  const auto nanoseconds = static_cast<std::int64_t>(std::round((seconds - whole) * nanoseconds_a_second));
  const bool carries = nanoseconds == nanoseconds_a_second;
  return {static_cast<std::int64_t>(whole) + (carries ? 1 : 0), carries ? 0 : static_cast<std::uint32_t>(nanoseconds)};
}

std::optional<std::int64_t> count_of_time(const PackedTime& time, std::int64_t period_nanoseconds) noexcept {
  const Wide count = (Wide{time.seconds} * nanoseconds_a_second + time.nanoseconds) / period_nanoseconds;
  if (!fits_64_bits(count)) return std::nullopt;
  return static_cast<std::int64_t>(count);
}

}  // namespace accrete::packed_detail
