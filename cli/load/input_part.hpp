// A part of the text of an input, whose rows one thread gathers by key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/load/batch.hpp"
#include "cli/load/loader.hpp"
#include "cli/load/row_parser.hpp"

namespace accrete::cli {

inline constexpr std::size_t min_part_bytes = 256 << 10;  ///< less is read sooner than a thread begins

inline constexpr std::size_t large_row_bytes = batch_bytes;  ///< appended by itself, from where it was read

/// How messages name a place in an input.
[[nodiscard]] std::string at_line(const std::string& name, std::uint64_t line);

/// Places are offsets in the text.
struct InputPart {
  enum class End {
    limit,  ///< the next row begins at `limit` or after it
    full,   ///< with the next row it would be too large
    alone,  ///< the next row is to be looked at by itself: it is malformed, large, or the last one of the input
    text    ///< the text has no further whole row
  };

  std::size_t begin = 0;   ///< of its first row
  std::size_t limit = 0;   ///< rows that begin at or after it are not of this part
  std::uint64_t room = 0;  ///< of Batch::store_bytes
  Batch* batch = nullptr;  ///< its rows are added to it

  End end_reason = End::limit;
  std::size_t end = 0;  ///< of its last row, or of what was passed over after that
  std::uint64_t line_count = 0;
  std::uint64_t rows = 0;                                       ///< added
  bool ends_in_crlf = false;                                    ///< its last row
  std::uint64_t malformed = 0;                                  ///< passed over
  std::vector<std::pair<std::uint64_t, std::string>> problems;  ///< of the first of them, with the lines before it
};

/// Whether a row becomes an entry; if not, `problem` says what is wrong. Gives it `empty_key` where it has none.
[[nodiscard]] bool may_become_entry(RowKind kind, Row& row, const LoadOptions& options, std::string& problem);

/// What the last row of an input lacks, where its value is to hold an ending: that of the line before.
[[nodiscard]] std::string_view missing_ending(std::string_view row, char ending, bool after_crlf);

/// `complete`: nothing follows the text. The counts of the part are added to.
void read_part(RowParser& parser, const LoadOptions& options, std::string_view text, bool complete, InputPart& part);

}  // namespace accrete::cli
