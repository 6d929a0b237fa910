#include "base/own_writer.hpp"

#include <algorithm>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/hash.hpp"

namespace accrete {
namespace {

constexpr std::size_t stamp_offset = 8;
constexpr std::size_t check_offset = 8 + 4;

std::uint32_t check_of(const WriterId& writer) noexcept {
  return static_cast<std::uint32_t>(hash64(as_string_view(writer).substr(0, check_offset)));
}

std::uint32_t stamp_of(std::uint64_t forgotten) noexcept { return static_cast<std::uint32_t>(forgotten); }

}  // namespace

WriterId make_own_writer(std::uint64_t random, std::uint64_t forgotten) noexcept {
  WriterId writer{};
  store_le(std::span(writer).first<8>(), random);
  store_le(std::span(writer).subspan<stamp_offset, 4>(), stamp_of(forgotten));
  store_le(std::span(writer).last<4>(), check_of(writer));
  return writer;
}

bool is_own_writer(const WriterId& writer) noexcept {
  return load_le<std::uint32_t>(std::span(writer).last<4>()) == check_of(writer);
}

bool may_be_forgotten(const WriterId& writer, std::uint64_t forgotten) noexcept {
  return is_own_writer(writer) &&
         load_le<std::uint32_t>(std::span(writer).subspan<stamp_offset, 4>()) != stamp_of(forgotten);
}

void throw_forgotten_id(const BatchId& id) {
  throw ForgottenIdError(
      "cannot tell whether this batch has been applied: its id was made by a client, and the dataset has forgotten "
      "such ids since, as it keeps only so many of them; look at what is there",
      id);
}

}  // namespace accrete
