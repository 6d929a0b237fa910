// Fuzzes keys and file names: a key's name is undone, and a name that is undone is that key's name.
#include <accrete/store.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/key_name.hpp"
#include "support/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accrete;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size >= 1 && size <= max_key_size) {
    const std::string name = key_to_name(bytes);
    test::require(name_to_key(name) == bytes, "a key's name is undone");
    test::require(name.front() != '.' && name.front() != '/' && name.find("/.") == std::string::npos,
                  "no key names a reserved file or anything outside its dataset");
  }
  if (const auto key = name_to_key(bytes)) test::require(key_to_name(*key) == bytes, "a key has one name");
  return 0;
}
