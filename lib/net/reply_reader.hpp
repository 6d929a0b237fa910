// Puts the parts of a reply together as they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "dataset/dataset.hpp"
#include "net/protocol.hpp"

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

/// A head, and then strings with a head each. Throws NetworkError for what is no such reply with `count` strings.
class StringsReader : public ReplyReader {
 public:
  struct Layout {
    std::size_t head_size = 0;
    std::size_t string_head_size = 0;
  };

  StringsReader(std::size_t count, const Layout& layout) : count_(count), layout_(layout) {}

  void add(std::string_view bytes) final;
  void restart() noexcept final;

 protected:
  /// Returns how many strings follow.
  [[nodiscard]] virtual std::uint32_t take_head(ByteReader& head) = 0;
  /// Returns the size of the string.
  [[nodiscard]] virtual std::uint64_t take_string_head(ByteReader& head) = 0;
  /// Where the next string goes: a place that stays until `forget`.
  [[nodiscard]] virtual std::string& next_string() = 0;
  virtual void reserve(std::size_t count) = 0;
  virtual void forget() noexcept = 0;

  /// Throws NetworkError unless all is there.
  void check_end() const;

 private:
  void take_head();

  std::size_t count_;
  Layout layout_;
  bool has_head_ = false;
  std::string head_;         // the part of a head that has come so far
  std::size_t strings_ = 0;  // begun so far
  std::string* string_ = nullptr;
  std::uint64_t left_ = 0;  // of it
};

/// The values of a `get`.
class ValuesReader final : public StringsReader {
 public:
  explicit ValuesReader(std::size_t count)
      : StringsReader(count, {.head_size = sizeof(std::uint32_t), .string_head_size = sizeof(std::uint64_t)}) {}

  /// Once all parts were added.
  [[nodiscard]] std::vector<std::string>& values() {
    check_end();
    return values_;
  }

 private:
  std::uint32_t take_head(ByteReader& head) override { return head.integer<std::uint32_t>(); }
  std::uint64_t take_string_head(ByteReader& head) override { return head.integer<std::uint64_t>(); }
  std::string& next_string() override { return values_.emplace_back(); }
  void reserve(std::size_t count) override { values_.reserve(count); }
  void forget() noexcept override { values_.clear(); }

  std::vector<std::string> values_;
};

/// The values of a `locate`.
class LocatedReader final : public StringsReader {
 public:
  explicit LocatedReader(std::size_t count)
      : StringsReader(count,
                      {.head_size = wire::located_head_size, .string_head_size = wire::located_value_head_size}) {}

  /// Once all parts were added.
  [[nodiscard]] LocatedValues& located() {
    check_end();
    return located_;
  }

 private:
  std::uint32_t take_head(ByteReader& head) override;
  std::uint64_t take_string_head(ByteReader& head) override;
  std::string& next_string() override {
    return located_.values.emplace_back(LocatedValues::Value{.in_file = in_file_}).rest;
  }
  void reserve(std::size_t count) override { located_.values.reserve(count); }
  void forget() noexcept override { located_ = {}; }

  LocatedValues located_;
  std::uint64_t in_file_ = 0;
};

}  // namespace accrete
