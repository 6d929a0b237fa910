// Loads rows into a store: reads inputs, groups their rows by key and appends them in batches of bounded size.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "cli/load/load_id.hpp"
#include "cli/load/row_header.hpp"
#include "cli/load/row_parser.hpp"
#include "os/byte_source.hpp"

namespace accrete::cli {

/// A batch ends with the row that reaches the next multiple of this many bytes of the input, or with the last row that
/// has come where more is waited for, or before the one with which it would append more bytes than max_appended_bytes,
/// as maps may that repeat long names, or would be too large for the store (Store::max_batch_bytes); a row that is so
/// by itself is appended by itself all the same. Of a file, the input, the store and the number of threads alone decide
/// it, so that two loads of the same one make the same batches.
inline constexpr std::uint64_t batch_bytes = 8 << 20;
inline constexpr std::uint64_t max_appended_bytes = 4 * batch_bytes;

struct LoadOptions {
  bool skip_malformed = false;
  std::uint64_t max_row_bytes = std::uint64_t{1} << 30;
  /// Where rows go that have no key. Without, they are malformed.
  std::optional<std::string> empty_key{};
  /// That read rows at the same time, at least 1.
  unsigned threads = 1;
  /// Can be read when LoadObserver::stop_is_asked may have something to say; -1: never.
  int stop_fd = -1;
  /// Names the load: what of an input was appended under this name is not appended again.
  std::optional<std::string> id{};
};

struct LoadTotals {
  std::uint64_t inputs = 0;         ///< loaded whole
  std::uint64_t rows = 0;           ///< appended
  std::uint64_t bytes = 0;          ///< appended
  std::uint64_t malformed = 0;      ///< rows passed over
  std::uint64_t input_bytes = 0;    ///< read
  std::uint64_t resumed_bytes = 0;  ///< of those, at the front of inputs, loaded before

  LoadTotals& operator+=(const LoadTotals& other);
};

/// Is told how a load goes.
class LoadObserver {
 public:
  virtual ~LoadObserver() = default;
  /// Of an input, or of many that are loaded together; `bytes` of it are ahead, where that is known.
  virtual void begin(const std::string& name, std::optional<std::uint64_t> bytes) = 0;
  /// Called time and again, with what has come since.
  virtual void advanced(std::uint64_t input_bytes, std::uint64_t rows) = 0;
  /// Called for the first few of each part of an input: LoadTotals counts them.
  virtual void malformed_row(const std::string& message) = 0;
  /// Of an input of a load with an id: after its last line's ending there are so many bytes, which are not loaded.
  virtual void unended_row(const ByteSource& input, std::uint64_t bytes) = 0;
  /// Whether the load is to end with the rows that were read whole. Asked time and again.
  virtual bool stop_is_asked() = 0;
};

inline constexpr const char* standard_input_path = "-";

using OpenInput = std::function<std::unique_ptr<ByteSource>(const std::string& path)>;

class Loader {
 public:
  Loader(Store& store, RowParser& parser, LoadOptions options, LoadObserver& observer);

  /// Appends the rows of one input. When it throws, all rows before the one that is at fault are appended (if it was an
  /// append that failed: all before its batch), and the message says how many.
  void load(ByteSource& input);

  /// Likewise of each of the files, in this order. `open` may be called by several threads at a time, and for a file
  /// more than once, but not for standard_input_path.
  void load(std::span<const std::string> paths, const OpenInput& open);

  /// Of all inputs.
  [[nodiscard]] const LoadTotals& totals() const noexcept { return totals_; }

 private:
  [[nodiscard]] std::unique_ptr<ByteSource> open_next(const std::string& path, const OpenInput& open) const;

  Store& store_;
  RowParser& parser_;
  LoadOptions options_;
  LoadObserver& observer_;
  std::optional<LoadId> id_;
  RowHeader header_;
  LoadTotals totals_;
};

}  // namespace accrete::cli
