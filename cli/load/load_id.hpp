// The writer ids of a load with a name: the same for the same input, whenever it is loaded again.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace accrete::cli {

class LoadId {
 public:
  /// `description`: of the row parser.
  LoadId(std::string name, std::string description) : name_(std::move(name)), description_(std::move(description)) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Of the next input, which begins with these. Inputs that begin alike are told apart by their order.
  ///
  /// The id is the hash of
  ///   "accrete load", name, description, header, first row, how many inputs before began like this one
  /// each with its length before it, the number in decimal.
  [[nodiscard]] WriterId writer_of(std::string_view header, std::string_view first_row);

 private:
  std::string name_;
  std::string description_;
  std::map<std::string, std::uint64_t> seen_;
};

/// How far a load came, as the sequence of a batch: the offset in the input, and 16 bits of the hash of what stands
/// before it, so that a different input under the same name is noticed.
struct LoadPosition {
  std::uint64_t offset = 0;  ///< below 2^48
  std::uint16_t check = 0;

  [[nodiscard]] static LoadPosition from_sequence(std::uint64_t sequence) noexcept {
    return {.offset = sequence >> 16, .check = static_cast<std::uint16_t>(sequence)};
  }
  [[nodiscard]] std::uint64_t sequence() const noexcept { return offset << 16 | check; }
};

}  // namespace accrete::cli
