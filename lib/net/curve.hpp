// CURVE keys: making them, and the files that hold them.
//
//   secret_file  = "accrete secret key\n" "public_key " 40Z85 "\n" "secret_key " 40Z85 "\n"
//   public_file  = 40Z85 "\n"
//   allowed_file = *(line "\n") ; a line is a public key, blank, or a comment from '#' on
//
// A server's list of allowed clients is their public files put together.
#pragma once

#include <accrete/accrete.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

/// What a new list of allowed clients is beside the one before.
struct KeyListChange {
  std::uint64_t keys = 0;  ///< of the new one
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
};

/// True if `text` is a key in Z85: 40 of its characters.
[[nodiscard]] bool is_curve_key(std::string_view text) noexcept;

/// Throws UnsupportedError if ZeroMQ was built without CURVE.
[[nodiscard]] KeyPair make_key_pair();

[[nodiscard]] std::string encode_secret_file(const KeyPair& keys);

// read_key_pair and read_public_key, which read these files, are public.

/// These throw InvalidArgumentError "<path>:<line>: …" for what is no such file.
[[nodiscard]] KeyPair decode_secret_file(std::string_view text, const std::string& path);
[[nodiscard]] std::vector<std::string> decode_allowed_file(std::string_view text, const std::string& path);

/// Writes the secret file to `path`, for its owner alone, and the public one to `path`.pub. Throws ExistsError, having
/// written nothing, if either is there.
void save_key_pair(const KeyPair& keys, const std::string& path);

/// As decode_allowed_file; throws IoError too.
[[nodiscard]] std::vector<std::string> load_allowed_keys(const std::string& path);

}  // namespace accrete
