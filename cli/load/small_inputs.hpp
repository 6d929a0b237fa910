// Files that are small, loaded many at a time: each is read by one thread, some side by side, and they share batches.
#pragma once

#include <accrete/store.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/load/batch_appender.hpp"
#include "cli/load/input_part.hpp"
#include "cli/load/loader.hpp"
#include "cli/load/row_parser.hpp"

namespace accrete::cli {

class SmallInputs {
 public:
  /// The parser has read the header that all inputs have, where they have one. Its clones read the inputs.
  SmallInputs(Store& store, const RowParser& parser, const LoadOptions& options, LoadObserver& observer,
              const OpenInput& open, LoadTotals& totals);

  /// Loads the first of the files, as many as it can, and says how many: up to one that is not small, or with which
  /// something is wrong, or all. When it throws, the message says which are loaded.
  std::size_t load(std::span<const std::string> paths);

 private:
  /// What one thread reads with.
  struct Reader {
    std::unique_ptr<RowParser> parser;
    std::string buffer{};
    Batch batch{};  ///< of one file, so that of one with which something is wrong no row is in another batch
  };

  /// Files that one thread gathers, one after the other.
  struct Run {
    std::span<const std::string> paths;
    std::size_t whole = 0;  ///< of these, from the front, are gathered whole
    Batch batch{};
    LoadTotals totals{};
    std::vector<std::string> problems{};  ///< of the first malformed rows that were passed over
  };

  /// Inputs whose batches are appended together.
  struct Group {
    std::string first_path{};
    LoadTotals totals{};
  };

  void load_groups(std::span<const std::string> paths);
  std::size_t load_group(std::span<const std::string> paths);
  void gather(Reader& reader, Run& run) const;
  [[nodiscard]] bool try_gather(Reader& reader, const std::string& path, Run& run) const;
  void settle(Run& run);
  void submit();
  void wait();

  const LoadOptions& options_;
  LoadObserver& observer_;
  const OpenInput& open_;
  LoadTotals& totals_;
  LoadTotals before_;            // this call
  std::vector<Reader> readers_;  // one a thread
  BatchAppender appender_;
  const std::uint64_t max_batch_bytes_;  // Batch::store_bytes
  Group gathering_;
  Group appending_;
  std::size_t passed_over_ = 0;     // calls that are to load nothing
  std::size_t next_pass_over_ = 0;  // how many, after the next file that cannot be loaded so
};

}  // namespace accrete::cli
