// An input as text: decompressed, where its first bytes say that it is compressed.
#pragma once

#include <memory>
#include <string>

#include "os/byte_source.hpp"

namespace accrete::cli {

/// Looks at the first bytes of a file at once, and of what may have to be waited for when it is read.
class InputSource final : public ByteSource {
 public:
  explicit InputSource(std::unique_ptr<ByteSource> source);

  [[nodiscard]] std::size_t read(std::span<char> to) override;
  [[nodiscard]] Waited wait(std::optional<Clock::time_point> until, int interruption_fd) override;
  [[nodiscard]] std::optional<std::uint64_t> size() const override;
  [[nodiscard]] bool is_inside(const std::string& directory) const override { return source_->is_inside(directory); }
  [[nodiscard]] bool is_at(const std::string& path) const override { return source_->is_at(path); }
  [[nodiscard]] const std::string& name() const noexcept override { return source_->name(); }

 private:
  void look_further();

  std::unique_ptr<ByteSource> source_;
  std::string front_;  // read to look at it, and not given away yet
  bool is_known_ = false;
};

}  // namespace accrete::cli
