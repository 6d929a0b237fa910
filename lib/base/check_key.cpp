#include "check_key.hpp"

#include <accrete/error.hpp>
#include <accrete/store.hpp>
#include <string>

#include "escape.hpp"

namespace accrete {

void check_key(std::string_view key) {
  if (key.empty()) throw InvalidKeyError("the key is empty; keys have 1 to " + std::to_string(max_key_size) + " bytes");
  if (key.size() > max_key_size) {
    throw InvalidKeyError("the key " + quoted(key) + " is too long; keys have 1 to " + std::to_string(max_key_size) +
                          " bytes");
  }
}

}  // namespace accrete
