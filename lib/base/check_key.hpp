// What a key may be.
#pragma once

#include <string_view>

namespace accrete {

/// Throws InvalidKeyError unless it has 1 to max_key_size bytes.
void check_key(std::string_view key);

}  // namespace accrete
