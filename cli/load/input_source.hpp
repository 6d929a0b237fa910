// An input as text: decompressed, where its first bytes say that it is compressed.
#pragma once

#include <memory>
#include <string>

#include "os/byte_source.hpp"

namespace accrete::cli {

/// Looks at the first bytes of a file at once, and of what may have to be waited for when it is read.
class InputSource final : public SourceOver {
 public:
  explicit InputSource(std::unique_ptr<ByteSource> raw);

  [[nodiscard]] std::size_t read(std::span<char> to) override;
  [[nodiscard]] Waited wait(std::optional<Clock::time_point> until, int interruption_fd) override;
  [[nodiscard]] std::optional<std::uint64_t> size() const override;

 private:
  void look_further();

  std::string front_;  // read to look at it, and not given away yet
  bool is_known_ = false;
};

}  // namespace accrete::cli
