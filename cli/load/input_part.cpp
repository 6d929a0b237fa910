#include "cli/load/input_part.hpp"

#include <accrete/store.hpp>
#include <algorithm>

#include "base/escape.hpp"

namespace accrete::cli {
namespace {

constexpr std::size_t max_problems = 5;

/// Goes through the rows of a part.
class PartReading {
 public:
  PartReading(RowParser& parser, const LoadOptions& options, std::string_view text, bool complete, InputPart& part)
      : parser_(parser), options_(options), text_(text), complete_(complete), part_(part) {
    part_.end = part_.begin;
  }

  void run() {
    std::size_t fed = part_.limit;
    // Its last row may reach beyond the limit, of which the next part's thread reads as well.
    for (std::size_t more = 64 << 10; part_.end < part_.limit; more *= 4) {
      parser_.feed(text_.substr(part_.end, fed - part_.end), complete_ && fed == text_.size());
      if (read_fed_rows()) return;
      if (fed == text_.size()) {
        part_.end_reason = InputPart::End::text;
        return;
      }
      fed += std::min(more, text_.size() - fed);
    }
    part_.end_reason = InputPart::End::limit;
  }

 private:
  /// Whether the part ends with one of them.
  bool read_fed_rows() {
    for (RowKind kind = parser_.next(row_); kind != RowKind::incomplete; kind = parser_.next(row_)) {
      if (!take(kind)) return true;
      part_.end += row_.bytes.size();
      part_.line_count += row_.line_count;
      part_.ends_in_crlf = row_.bytes.ends_with("\r\n");
      if (part_.end < part_.limit) continue;
      part_.end_reason = InputPart::End::limit;
      return true;
    }
    return false;
  }

  /// False, with the reason, where the part ends before the row.
  bool take(RowKind kind) {
    const bool is_last = complete_ && part_.end + row_.bytes.size() == text_.size();
    const bool is_large = row_.bytes.size() > options_.max_row_bytes || row_.value.size() >= large_row_bytes;
    if (is_last || is_large) return end_before_row(InputPart::End::alone);
    if (kind == RowKind::blank) return true;
    if (!may_become_entry(kind, row_, options_, problem_)) return pass_over();
    const std::uint64_t row_bytes = row_.key.size() + row_.value.size() + entry_overhead;
    if (part_.batch->store_bytes() + row_bytes > part_.room) return end_before_row(InputPart::End::full);
    part_.batch->add(row_.key, row_.value);
    ++part_.rows;
    return true;
  }

  bool end_before_row(InputPart::End reason) {
    part_.end_reason = reason;
    return false;
  }

  bool pass_over() {
    if (!options_.skip_malformed) return end_before_row(InputPart::End::alone);
    ++part_.malformed;
    if (part_.problems.size() < max_problems) part_.problems.emplace_back(part_.line_count, problem_);
    return true;
  }

  RowParser& parser_;
  const LoadOptions& options_;
  const std::string_view text_;
  const bool complete_;
  InputPart& part_;
  Row row_;
  std::string problem_;
};

}  // namespace

bool may_become_entry(RowKind kind, Row& row, const LoadOptions& options, std::string& problem) {
  if (kind == RowKind::malformed) {
    problem = row.problem;
    return false;
  }
  if (row.key.empty() && options.empty_key) row.key = *options.empty_key;
  if (row.key.empty()) {
    problem = (row.problem.empty() ? "the key is empty" : row.problem) + "; --empty-key NAME gives such rows a key";
    return false;
  }
  if (row.key.size() > max_key_size) {
    problem =
        "the key has " + std::to_string(row.key.size()) + " bytes; keys have at most " + std::to_string(max_key_size);
    return false;
  }
  return true;
}

std::string_view missing_ending(std::string_view row, char ending, bool after_crlf) {
  if (row.ends_with(ending)) return {};
  if (ending == '\r') return "\r";
  return after_crlf && !row.ends_with('\r') ? "\r\n" : "\n";
}

std::string at_line(const std::string& name, std::uint64_t line) {
  return escape(name) + ":" + std::to_string(line) + ": ";
}

void read_part(RowParser& parser, const LoadOptions& options, std::string_view text, bool complete, InputPart& part) {
  PartReading(parser, options, text, complete, part).run();
}

}  // namespace accrete::cli
