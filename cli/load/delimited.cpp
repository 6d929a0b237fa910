#include "cli/load/delimited.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace accrete::cli {
namespace {

constexpr char quote = '"';

/// nullptr if it is not there.
const char* find(const char* from, const char* to, char wanted) noexcept {
  return static_cast<const char*>(std::memchr(from, wanted, static_cast<std::size_t>(to - from)));
}

std::string_view between(const char* from, const char* to) noexcept {
  return {from, static_cast<std::size_t>(to - from)};
}

}  // namespace

DelimitedParser::DelimitedParser(char delimiter, std::vector<std::size_t> columns)
    : delimiter_(delimiter), columns_(std::move(columns)) {
  for (const std::size_t column : columns_) needed_ = std::max(needed_, column + 1);
  starts_.resize(needed_ + 1);
  wanted_.resize(columns_.size());
}

DelimitedParser::DelimitedParser(char delimiter) : delimiter_(delimiter), all_(true) {}

void DelimitedParser::feed(std::string_view text, bool complete) {
  at_ = text.data();
  end_ = at_ + text.size();
  complete_ = complete;
  next_quote_ = at_;
}

std::string_view DelimitedParser::rest() const noexcept { return between(at_, end_); }

DelimitedKind DelimitedParser::next() {
  bytes_ = {};
  line_count_ = 0;
  field_count_ = 0;
  if (at_ == end_) return DelimitedKind::incomplete;
  const char* const newline = find(at_, end_, '\n');
  if (!newline && !complete_) return DelimitedKind::incomplete;
  const char* const row_end = newline ? newline + 1 : end_;
  const char* line_end = newline ? newline : end_;
  if (line_end != at_ && line_end[-1] == '\r') --line_end;
  if (line_end == at_) {
    pass_row(row_end, newline ? 1 : 0);
    return DelimitedKind::blank;
  }
  if (all_ || quote_before(line_end)) return read_quoting();
  return read_plain(line_end, row_end);
}

bool DelimitedParser::quote_before(const char* limit) noexcept {
  if (next_quote_ < at_ || (next_quote_ == at_ && *at_ != quote)) {
    const char* const found = find(at_, end_, quote);
    next_quote_ = found ? found : end_;
  }
  return next_quote_ < limit;
}

void DelimitedParser::pass_row(const char* row_end, std::uint64_t lines) noexcept {
  bytes_ = between(at_, row_end);
  line_count_ = lines;
  at_ = row_end;
}

DelimitedKind DelimitedParser::read_plain(const char* line_end, const char* row_end) {
  starts_[0] = at_;
  for (std::size_t i = 0; i < needed_; ++i) {
    const char* const found = find(starts_[i], line_end, delimiter_);
    field_count_ = i + 1;
    starts_[i + 1] = (found ? found : line_end) + 1;
    if (!found) break;
  }
  pass_row(row_end, row_end[-1] == '\n' ? 1 : 0);
  if (field_count_ < needed_) return DelimitedKind::too_short;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::size_t column = columns_[i];
    wanted_[i] = between(starts_[column], starts_[column + 1] - 1);
  }
  return DelimitedKind::row;
}

DelimitedKind DelimitedParser::read_quoting() {
  found_.clear();
  const char* at = at_;
  while (true) {
    Field& field = found_.emplace_back();
    const bool quoted = at != end_ && *at == quote;
    const DelimitedKind kind = quoted ? read_quoted_field(at, field) : read_unquoted_field(at, field);
    if (kind == DelimitedKind::incomplete) return kind;
    if (kind != DelimitedKind::row) return pass_first_line(kind);
    if (at == end_ || *at != delimiter_) break;
    ++at;
  }
  const char* const row_end = at == end_ ? at : at + 1;
  pass_row(row_end, static_cast<std::uint64_t>(std::count(at_, row_end, '\n')));
  field_count_ = found_.size();
  if (field_count_ < needed_) return DelimitedKind::too_short;
  unquote_wanted();
  return DelimitedKind::row;
}

/// Leaves `at` at the delimiter, the LF or the end of the text after the field; so does read_unquoted_field.
DelimitedKind DelimitedParser::read_quoted_field(const char*& at, Field& field) const {
  const char* const begin = at + 1;
  const char* close = find(begin, end_, quote);
  while (close && close + 1 != end_ && close[1] == quote) {
    field.doubled_quotes = true;
    close = find(close + 2, end_, quote);
  }
  if (!close) return complete_ ? DelimitedKind::unterminated_quote : DelimitedKind::incomplete;
  field.text = between(begin, close);
  at = close + 1;
  if (at != end_ && *at == '\r' && (at + 1 == end_ || at[1] == '\n')) ++at;
  if (at == end_) return complete_ ? DelimitedKind::row : DelimitedKind::incomplete;
  return *at == delimiter_ || *at == '\n' ? DelimitedKind::row : DelimitedKind::text_after_quote;
}

DelimitedKind DelimitedParser::read_unquoted_field(const char*& at, Field& field) const {
  const char* const begin = at;
  at = std::find_if(begin, end_, [this](char c) { return c == delimiter_ || c == '\n'; });
  if (at == end_ && !complete_) return DelimitedKind::incomplete;
  field.text = between(begin, at);
  const bool ends_row = at == end_ || *at == '\n';
  if (ends_row && field.text.ends_with('\r')) field.text.remove_suffix(1);
  return DelimitedKind::row;
}

DelimitedKind DelimitedParser::pass_first_line(DelimitedKind kind) {
  const char* const newline = find(at_, end_, '\n');
  if (!newline && !complete_) return DelimitedKind::incomplete;
  pass_row(newline ? newline + 1 : end_, newline ? 1 : 0);
  return kind;
}

void DelimitedParser::unquote_wanted() {
  if (all_) {
    wanted_.resize(found_.size());
    columns_.resize(found_.size());
    std::iota(columns_.begin(), columns_.end(), std::size_t{0});
  }
  std::size_t room = 0;
  for (const std::size_t column : columns_) {
    if (found_[column].doubled_quotes) room += found_[column].text.size();
  }
  scratch_.clear();
  scratch_.reserve(room);  // so that it does not move under the views into it
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Field& field = found_[columns_[i]];
    wanted_[i] = field.doubled_quotes ? without_doubling(field.text) : field.text;
  }
}

std::string_view DelimitedParser::without_doubling(std::string_view text) {
  const std::size_t begin = scratch_.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    scratch_ += text[i];
    if (text[i] == quote) ++i;
  }
  return std::string_view{scratch_}.substr(begin);
}

}  // namespace accrete::cli
