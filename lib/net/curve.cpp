#include "net/curve.hpp"

#include <algorithm>
#include <array>
#include <zmq.hpp>

#include "base/escape.hpp"
#include "base/fields.hpp"
#include "base/foreign_errors.hpp"
#include "base/throw_io_error.hpp"
#include "os/byte_source.hpp"
#include "os/env.hpp"
#include "os/private_files.hpp"

namespace accrete {
namespace {

constexpr std::size_t key_length = 40;
constexpr std::size_t key_bytes = 32;
constexpr std::string_view first_line = "accrete secret key\n";

/// As ssh does: another user's file, such as one of root's that a group may read, is what an administrator has decided.
void refuse_exposed(const std::string& path) {
  if (!is_exposed(path)) return;
  throw InvalidArgumentError("cannot use the secret key in " + accrete::quoted(path) +
                             ": others than its owner may read or change it; chmod 600 it, and make a new pair if "
                             "anybody may have read it");
}

std::string read_all(const std::string& path) {
  constexpr std::size_t max_size = std::size_t{1} << 20;
  std::string text;
  try {
    const std::unique_ptr<ByteSource> source = open_source(path);
    std::array<char, 4096> piece{};
    while (const std::size_t size = source->read(piece)) {
      text.append(piece.data(), size);
      if (text.size() > max_size) {
        throw InvalidArgumentError("cannot read keys from " + accrete::quoted(path) +
                                   ": it is longer than 1 MiB; a file of keys has 41 bytes a key");
      }
    }
  } catch (const IoError& error) {
    throw_io_error("read keys from", path, error.code().value());
  }
  return text;
}

std::string_view without_spaces(std::string_view text) noexcept {
  constexpr std::string_view spaces = " \t\r";
  const std::size_t begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

void refuse_existing(const std::string& path) {
  if (!posix_env().info(path)) return;
  throw ExistsError("cannot write a key to " + accrete::quoted(path) +
                    ": it is there already, and a key that is lost "
                    "cannot be made again; choose another name");
}

}  // namespace

bool is_curve_key(std::string_view text) noexcept {
  if (text.size() != key_length) return false;
  std::array<char, key_length + 1> terminated{};
  std::copy(text.begin(), text.end(), terminated.begin());
  std::array<std::uint8_t, key_bytes> bytes{};
  return zmq_z85_decode(bytes.data(), terminated.data()) != nullptr;
}

KeyPair make_key_pair() {
  std::array<char, key_length + 1> public_key{};
  std::array<char, key_length + 1> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    throw UnsupportedError(std::string("cannot make a key pair: ZeroMQ has no CURVE (") + zmq_strerror(zmq_errno()) +
                           "); install a libzmq that was built with libsodium");
  }
  return {.public_key = public_key.data(), .secret_key = secret_key.data()};
}

std::string encode_secret_file(const KeyPair& keys) {
  return std::string(first_line) + "public_key " + keys.public_key + "\nsecret_key " + keys.secret_key + "\n";
}

KeyPair decode_secret_file(std::string_view text, const std::string& path) {
  const auto refuse = [&](int line, const char* what) {
    throw InvalidArgumentError(path + ":" + std::to_string(line) + ": " + what +
                               "; a file of a secret key is what accrete keygen writes");
  };
  if (is_curve_key(text.substr(0, text.find('\n')))) {
    refuse(1, "it is a public key; give the file of the secret one, beside it without .pub");
  }
  if (!text.starts_with(first_line)) refuse(1, "it does not begin with 'accrete secret key'");
  text.remove_prefix(first_line.size());
  const std::string_view public_key = take_field(text, "public_key").value_or("");
  if (!is_curve_key(public_key)) refuse(2, "there is no public key");
  const std::string_view secret_key = take_field(text, "secret_key").value_or("");
  if (!is_curve_key(secret_key)) refuse(3, "there is no secret key");
  if (!text.empty()) refuse(4, "something stands after the keys");
  std::array<char, key_length + 1> expected{};
  if (zmq_curve_public(expected.data(), std::string(secret_key).c_str()) != 0 || public_key != expected.data()) {
    refuse(2, "the public key is not that of the secret key");
  }
  return {.public_key = std::string(public_key), .secret_key = std::string(secret_key)};
}

std::vector<std::string> decode_allowed_file(std::string_view text, const std::string& path) {
  std::vector<std::string> keys;
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = without_spaces(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    // '#' is also one of Z85's characters: a comment has its line for itself, or a space before it.
    if (content.empty() || (content.starts_with('#') && !is_curve_key(content))) continue;
    const std::string_view key = without_spaces(content.substr(0, content.find(" #")));
    if (!is_curve_key(key)) {
      throw InvalidArgumentError(path + ":" + std::to_string(line) + ": " + accrete::quoted(content) +
                                 " is not a public key; one has 40 characters, and a comment begins with '#'");
    }
    keys.emplace_back(key);
  }
  return keys;
}

void save_key_pair(const KeyPair& keys, const std::string& path) {
  const std::string public_path = path + ".pub";
  refuse_existing(path);
  refuse_existing(public_path);
  write_new_file(path, encode_secret_file(keys), Readable::by_owner);
  write_new_file(public_path, keys.public_key + "\n", Readable::by_all);
}

KeyPair read_key_pair(std::string_view path) {
  return without_foreign_errors("read a key pair", [&] {
    const std::string file(path);
    KeyPair keys = decode_secret_file(read_all(file), file);
    refuse_exposed(file);
    return keys;
  });
}

std::string read_public_key(std::string_view path) {
  return without_foreign_errors("read a public key", [&] {
    const std::string file(path);
    const std::string text = read_all(file);
    if (text.starts_with(first_line)) {
      throw InvalidArgumentError("cannot read a public key from " + accrete::quoted(file) +
                                 ": it holds a secret key; give the file beside it that ends in .pub");
    }
    std::vector<std::string> keys = decode_allowed_file(text, file);
    if (keys.size() == 1) return std::move(keys.front());
    throw InvalidArgumentError("cannot read a public key from " + accrete::quoted(file) + ": it holds " +
                               std::to_string(keys.size()) + " keys; give a file of one");
  });
}

std::vector<std::string> load_allowed_keys(const std::string& path) {
  return decode_allowed_file(read_all(path), path);
}

}  // namespace accrete
