// Base64 (RFC 4648, section 4) of bytes that come in pieces.
#pragma once

#include <string>
#include <string_view>

namespace accrete::cli {

class Base64Encoder {
 public:
  /// What the bytes so far add to the text; up to two bytes wait for those that follow.
  [[nodiscard]] std::string encode(std::string_view bytes);

  /// The end of the text.
  [[nodiscard]] std::string finish();

 private:
  std::string waiting_;
};

}  // namespace accrete::cli
