#include "os/uuid.hpp"

#include <boost/uuid/string_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cstring>
#include <stdexcept>

namespace accrete {

std::string format_uuid(const std::array<std::byte, 16>& uuid) {
  boost::uuids::uuid boost_uuid{};
  std::memcpy(boost_uuid.data, uuid.data(), uuid.size());
  return boost::uuids::to_string(boost_uuid);
}

std::optional<std::array<std::byte, 16>> parse_uuid(std::string_view text) {
  std::array<std::byte, 16> uuid{};
  try {
    const boost::uuids::uuid parsed = boost::uuids::string_generator{}(text.begin(), text.end());
    std::memcpy(uuid.data(), parsed.data, uuid.size());
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
  if (format_uuid(uuid) != text) return std::nullopt;  // Boost takes other forms, too
  return uuid;
}

}  // namespace accrete
