// Files that are small, loaded many at a time: each is read by one thread, side by side, and they share batches.
#pragma once

#include <accrete/store.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
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
  /// something is wrong, or all. When it throws, it says which are loaded.
  std::size_t load(std::span<const std::string> paths);

 private:
  struct Gathered {
    bool is_whole = false;  ///< all of its rows are in the batch, or passed over
    Batch batch{};
    InputPart part{};
    std::string name{};
    std::uint64_t input_bytes = 0;
    std::uint64_t header_lines = 0;
  };

  std::size_t load_group(std::span<const std::string> paths);
  void gather_some(RowParser& parser, std::span<const std::string> paths, std::span<Gathered> gathered,
                   std::atomic<std::size_t>& next) const;
  void gather(RowParser& parser, const std::string& path, std::string& buffer, Gathered& to) const;
  void settle(Gathered& gathered);
  void submit();
  void wait();

  /// Inputs whose batches are appended together.
  struct Group {
    std::string first_name{};
    LoadTotals totals{};
  };

  const LoadOptions& options_;
  LoadObserver& observer_;
  const OpenInput& open_;
  LoadTotals& totals_;
  std::vector<std::unique_ptr<RowParser>> parsers_;  // one a thread
  BatchAppender appender_;
  const std::uint64_t max_batch_bytes_;  // Batch::store_bytes
  Group gathering_;
  Group appending_;
};

}  // namespace accrete::cli
