#include "cli/load/load_id.hpp"

#include "base/hash.hpp"
#include "cli/load/length_prefixed.hpp"

namespace accrete::cli {

WriterId LoadId::writer_of(std::string_view header, std::string_view first_row) {
  std::string identity;
  append_prefixed(identity, "accrete load");
  append_prefixed(identity, name_);
  append_prefixed(identity, description_);
  append_prefixed(identity, header);
  append_prefixed(identity, first_row);
  const std::uint64_t before = seen_[identity]++;
  append_prefixed(identity, std::to_string(before));
  return hash128(identity);
}

}  // namespace accrete::cli
