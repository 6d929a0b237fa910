// Puts the parts of a reply together as they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accrete {

class ReplyReader {
 public:
  ReplyReader() = default;
  virtual ~ReplyReader() = default;
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  virtual void add(std::string_view bytes) = 0;
  /// The reply begins anew.
  virtual void restart() noexcept = 0;
};

/// Bytes as they are. Throws NetworkError for more than `limit`.
class BytesReader final : public ReplyReader {
 public:
  explicit BytesReader(std::uint64_t limit = ~std::uint64_t{0}) noexcept : limit_(limit) {}

  void add(std::string_view bytes) override;
  void restart() noexcept override { bytes_.clear(); }
  [[nodiscard]] std::string& bytes() noexcept { return bytes_; }

 private:
  std::uint64_t limit_;
  std::string bytes_;
};

/// The values of a `get`. Throws NetworkError for what is no such reply to `count` keys.
class ValuesReader final : public ReplyReader {
 public:
  explicit ValuesReader(std::size_t count) : count_(count) {}

  void add(std::string_view bytes) override;
  void restart() noexcept override;
  /// Once all parts were added.
  [[nodiscard]] std::vector<std::string>& values();

 private:
  void take_header();

  std::size_t count_;
  bool has_count_ = false;
  std::string header_;  // the part of a number that has come so far
  std::vector<std::string> values_;
  std::uint64_t left_ = 0;  // of the last value
};

}  // namespace accrete
