// Standard output behind a large buffer.
#pragma once

#include <string>
#include <string_view>

namespace accrete::cli {

/// Nobody reads the output any more. Not a failure: the program ends quietly.
class ClosedPipe {};

class Output {
 public:
  /// Throws IoError or ClosedPipe; so does flush.
  void write(std::string_view bytes);

  /// What is not flushed when the program ends is lost.
  void flush();

 private:
  std::string buffer_;
};

}  // namespace accrete::cli
