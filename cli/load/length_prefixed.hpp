// Strings one after the other so that no two lists of them make the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace accrete::cli {

inline void append_prefixed(std::string& to, std::string_view text) {
  append_le(to, std::uint64_t{text.size()});
  to.append(text);
}

}  // namespace accrete::cli
