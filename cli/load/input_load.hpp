// The load of one input.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/load/batch_appender.hpp"
#include "cli/load/input_buffer.hpp"
#include "cli/load/input_part.hpp"
#include "cli/load/load_id.hpp"
#include "cli/load/loader.hpp"
#include "cli/load/row_header.hpp"

namespace accrete::cli {

inline constexpr const char* nothing_was_appended = "nothing of this input was appended before it";

class InputLoad {
 public:
  InputLoad(Store& store, RowParser& parser, RowHeader& header, const LoadOptions& options, LoadObserver& observer,
            ByteSource& source);

  /// Whatever goes wrong with the input, the rows before it are appended before this throws. `id` may be null.
  void run(LoadId* id);

  void add_to(LoadTotals& totals) const;

  /// For the message of an error that ended it.
  [[nodiscard]] std::string what_was_appended() const;

 private:
  void read_front();
  void read_header();
  void read_rows();
  /// Whether what stands at the end of the text, without an ending, is a row. With an id it waits for the rest of it.
  [[nodiscard]] bool is_last() const noexcept { return buffer_.complete() && !has_id_; }
  void hand_down_if_due();

  [[nodiscard]] InputPart::End read_parts();
  [[nodiscard]] std::vector<InputPart> cut() const;
  [[nodiscard]] RowParser& parser_of(std::size_t part);
  /// Counts what was read of the text that begins at `offset`.
  void settle(const InputPart& part, std::uint64_t offset);

  void take_alone();
  void take(RowKind kind, std::uint64_t end);
  void append_alone(std::uint64_t end);
  void submit();
  void submit_if_due();
  [[nodiscard]] std::uint64_t sequence_at(std::uint64_t offset);
  void pass_row();
  [[nodiscard]] std::string_view added_ending() const;
  void pass_long_row();

  void resume(LoadId& id);
  [[nodiscard]] std::optional<std::string> first_row();
  void skip_loaded(LoadPosition loaded, const LoadId& id);

  void fill();
  void malformed(const std::string& problem);
  void tell_of_malformed(std::uint64_t line, const std::string& problem);
  [[noreturn]] void fail(const std::string& problem) const;
  [[nodiscard]] std::string max_row_text() const;

  RowParser& parser_;
  RowHeader& row_header_;
  std::vector<std::unique_ptr<RowParser>> other_parsers_;  // one a thread, with the same header
  const LoadOptions& options_;
  LoadObserver& observer_;
  ByteSource& source_;
  InputBuffer buffer_;
  BatchAppender appender_;
  Row row_;
  char ending_ = '\n';
  std::string header_;
  std::uint64_t line_ = 1;       // where the row begins that comes next
  std::uint64_t rows_ = 0;       // put into batches
  std::uint64_t taken_end_ = 0;  // offset in the input after the last row that was taken or passed over
  std::uint64_t malformed_ = 0;
  std::uint64_t resumed_bytes_ = 0;      // at the front, loaded before
  std::uint64_t batch_limit_ = 0;        // offset
  bool crlf_ = false;                    // what ended the line before
  const std::uint64_t max_batch_bytes_;  // Batch::store_bytes
  const bool has_id_;
};

}  // namespace accrete::cli
