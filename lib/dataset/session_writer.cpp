#include "dataset/session_writer.hpp"

#include <algorithm>
#include <span>

#include "base/bytes.hpp"
#include "base/hash.hpp"

namespace accrete {

WriterId writer_of(std::uint64_t secret, std::uint64_t hash) noexcept {
  WriterId writer{};
  store_le(std::span(writer).first<8>(), secret);
  store_le(std::span(writer).last<8>(), hash);
  return writer;
}

WriterId session_writer(std::uint64_t secret, const WriterId& session) noexcept {
  return writer_of(secret, std::max<std::uint64_t>(hash64(as_string_view(session), secret), 1));
}

}  // namespace accrete
