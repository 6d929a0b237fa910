#include "cli/base64.hpp"

#include <cstdint>

namespace accrete::cli {
namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void encode_three(std::string& out, std::string_view bytes) {
  const auto at = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(bytes[i])}; };
  const std::uint32_t bits = at(0) << 16 | at(1) << 8 | at(2);
  for (const int shift : {18, 12, 6, 0}) out += digits[bits >> shift & 63];
}

}  // namespace

std::string Base64Encoder::encode(std::string_view bytes) {
  std::string out;
  out.reserve((waiting_.size() + bytes.size()) / 3 * 4);
  while (!bytes.empty() && (!waiting_.empty() || bytes.size() < 3)) {
    waiting_ += bytes[0];
    bytes.remove_prefix(1);
    if (waiting_.size() < 3) continue;
    encode_three(out, waiting_);
    waiting_.clear();
  }
  for (; bytes.size() >= 3; bytes.remove_prefix(3)) encode_three(out, bytes);
  waiting_.append(bytes);
  return out;
}

std::string Base64Encoder::finish() {
  if (waiting_.empty()) return {};
  const std::size_t padding = 3 - waiting_.size();
  waiting_.append(padding, '\0');
  std::string out;
  encode_three(out, waiting_);
  out.replace(out.size() - padding, padding, padding, '=');
  waiting_.clear();
  return out;
}

}  // namespace accrete::cli
