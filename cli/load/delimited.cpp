#include "cli/load/delimited.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <numeric>

namespace accrete::cli {
namespace {

constexpr char quote = '"';

/// nullptr if it is not there.
const char* find(const char* from, const char* to, char wanted) noexcept {
  return static_cast<const char*>(std::memchr(from, wanted, static_cast<std::size_t>(to - from)));
}

constexpr std::ptrdiff_t block_bytes = 64;

/// Bit i is set where byte i of the 64 is `wanted`. Without branches: where fields end can hardly be foretold.
std::uint64_t places_in_block(const char* block, char wanted) noexcept {
  constexpr std::uint64_t low_bits = 0x0101010101010101;
  constexpr std::uint64_t all_but_high_bits = 0x7F7F7F7F7F7F7F7F;
  constexpr std::uint64_t gather = 0x0102040810204080;  // the lowest bits of 8 bytes into the highest byte
  const std::uint64_t pattern = low_bits * static_cast<unsigned char>(wanted);
  std::uint64_t places = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, block + 8 * i, sizeof word);
    word ^= pattern;
    const std::uint64_t is_zero = ~(((word & all_but_high_bits) + all_but_high_bits) | word | all_but_high_bits);
    places |= ((is_zero >> 7) * gather) >> 56 << (8 * i);
  }
  return places;
}

/// Finds a byte time and again, each time after where it was found before.
class ByteScan {
 public:
  /// Before `limit`. As far as `end` there are bytes.
  ByteScan(const char* from, const char* limit, const char* end, char wanted) noexcept
      : block_(from), limit_(limit), end_(end), wanted_(wanted), places_(places()) {}

  /// The limit if there is none.
  const char* next() noexcept {
    while (places_ == 0) {
      if (limit_ - block_ <= block_bytes) return limit_;
      block_ += block_bytes;
      places_ = places();
    }
    const char* const found = block_ + std::countr_zero(places_);
    places_ &= places_ - 1;
    return std::min(found, limit_);
  }

 private:
  [[nodiscard]] std::uint64_t places() const noexcept {
    if (std::endian::native == std::endian::little && end_ - block_ >= block_bytes) {
      return places_in_block(block_, wanted_);
    }
    std::uint64_t places = 0;
    for (std::ptrdiff_t i = 0; i < std::min(limit_ - block_, block_bytes); ++i) {
      if (block_[i] == wanted_) places |= std::uint64_t{1} << i;
    }
    return places;
  }

  const char* block_;
  const char* limit_;
  const char* end_;
  char wanted_;
  std::uint64_t places_;  // in the block, of those that were not found yet
};

std::string_view between(const char* from, const char* to) noexcept {
  return {from, static_cast<std::size_t>(to - from)};
}

}  // namespace

DelimitedParser::DelimitedParser(DelimitedSyntax syntax, std::vector<std::size_t> columns)
    : syntax_(std::move(syntax)), columns_(std::move(columns)) {
  for (const std::size_t column : columns_) needed_ = std::max(needed_, column + 1);
  starts_.resize(needed_ + 1);
  wanted_.resize(columns_.size());
}

DelimitedParser::DelimitedParser(DelimitedSyntax syntax) : syntax_(std::move(syntax)), all_(true) {}

void DelimitedParser::feed(std::string_view text, bool complete) {
  at_ = text.data();
  end_ = at_ + text.size();
  complete_ = complete;
  next_quote_ = at_;
  next_ending_ = nullptr;
}

std::string_view DelimitedParser::rest() const noexcept { return between(at_, end_); }

std::string_view DelimitedParser::raw_field(std::size_t number) const noexcept {
  return found_.empty() ? wanted_[number] : found_[columns_[number]].raw;
}

DelimitedKind DelimitedParser::next() {
  bytes_ = {};
  line_count_ = 0;
  field_count_ = 0;
  if (at_ == end_) return DelimitedKind::incomplete;
  const char* const ending = find_ending(at_);
  if (ending == end_ && !complete_) return DelimitedKind::incomplete;
  const char* const row_end = ending == end_ ? end_ : ending + 1;
  const char* line_end = ending;
  if (line_end != at_ && line_end[-1] == '\r') --line_end;
  if (line_end == at_ || *at_ == syntax_.comment) {
    pass_row(row_end, ending == end_ ? 0 : 1);
    return DelimitedKind::blank;
  }
  if (all_ || (syntax_.quotes != Quotes::none && quote_before(line_end))) return read_quoting();
  return read_plain(line_end, row_end);
}

/// `to` if there is none.
const char* DelimitedParser::find_delimiter(const char* from, const char* to) const noexcept {
  const std::string& delimiter = syntax_.delimiter;
  if (delimiter.size() == 1) {
    const char* const found = find(from, to, delimiter[0]);
    return found ? found : to;
  }
  const std::size_t found = between(from, to).find(delimiter);
  return found == std::string_view::npos ? to : from + found;
}

/// Of the line at `from`; end_ if there is none.
const char* DelimitedParser::find_ending(const char* from) noexcept {
  if (!next_ending_ || next_ending_ < from) {
    const char* const found = find(from, end_, syntax_.ending);
    next_ending_ = found ? found : end_;
  }
  return next_ending_;
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
  found_.clear();
  if (syntax_.delimiter.size() == 1) {
    ByteScan delimiters(at_, line_end, end_, syntax_.delimiter[0]);
    find_fields(line_end, [&](const char*) { return delimiters.next(); });
  } else {
    find_fields(line_end, [&](const char* from) { return find_delimiter(from, line_end); });
  }
  pass_row(row_end, row_end[-1] == syntax_.ending ? 1 : 0);
  if (field_count_ < needed_) return DelimitedKind::too_short;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::size_t column = columns_[i];
    wanted_[i] = between(starts_[column], starts_[column + 1] - syntax_.delimiter.size());
  }
  return DelimitedKind::row;
}

/// Of a row without quotes, those that are needed.
template <typename NextDelimiter>
void DelimitedParser::find_fields(const char* line_end, NextDelimiter next_delimiter) {
  const std::size_t delimiter_size = syntax_.delimiter.size();
  const char** start = starts_.data();
  const char** const last = start + needed_;
  *start = at_;
  has_more_ = true;
  while (start != last && has_more_) {
    const char* const found = next_delimiter(*start);
    *++start = found + delimiter_size;
    has_more_ = found != line_end;
  }
  field_count_ = static_cast<std::size_t>(start - starts_.data());
}

DelimitedKind DelimitedParser::read_quoting() {
  found_.clear();
  const char* at = at_;
  while (true) {
    const DelimitedKind kind = read_field(at, found_.emplace_back());
    if (kind == DelimitedKind::incomplete) return kind;
    if (kind != DelimitedKind::row) return pass_first_line(kind);
    if (at == end_ || *at == syntax_.ending) break;
    at += syntax_.delimiter.size();
  }
  const char* const row_end = at == end_ ? at : at + 1;
  pass_row(row_end, static_cast<std::uint64_t>(std::count(at_, row_end, syntax_.ending)));
  field_count_ = found_.size();
  has_more_ = field_count_ > needed_;
  if (field_count_ < needed_) return DelimitedKind::too_short;
  unquote_wanted();
  return DelimitedKind::row;
}

/// Leaves `at` at the delimiter, the ending's last byte or the end of the text after the field.
DelimitedKind DelimitedParser::read_field(const char*& at, Field& field) {
  const char* const begin = at;
  const bool begins_with_quote = at != end_ && *at == quote;
  DelimitedKind kind = DelimitedKind::row;
  if (!begins_with_quote || syntax_.quotes == Quotes::none) {
    kind = read_unquoted_field(at, field);
  } else if (syntax_.quotes == Quotes::closed) {
    kind = read_closed_field(at, field);
  } else {
    kind = read_quoted_field(at, field);
  }
  field.raw = between(begin, at);
  const bool ends_row = at == end_ || *at == syntax_.ending;
  if (ends_row && field.raw.ends_with('\r')) field.raw.remove_suffix(1);
  return kind;
}

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
  if (at != end_ && *at == '\r' && syntax_.ending != '\r' && (at + 1 == end_ || at[1] == syntax_.ending)) ++at;
  if (at == end_) return complete_ ? DelimitedKind::row : DelimitedKind::incomplete;
  if (*at == syntax_.ending || between(at, end_).starts_with(syntax_.delimiter)) return DelimitedKind::row;
  const bool may_become_delimiter = !complete_ && std::string_view(syntax_.delimiter).starts_with(between(at, end_));
  return may_become_delimiter ? DelimitedKind::incomplete : DelimitedKind::text_after_quote;
}

DelimitedKind DelimitedParser::read_closed_field(const char*& at, Field& field) {
  const DelimitedKind kind = read_unquoted_field(at, field);
  if (kind != DelimitedKind::row) return kind;
  std::string_view& text = field.text;
  if (text.size() < 2 || !text.ends_with(quote)) return DelimitedKind::unterminated_quote;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = text.find(quote); i != std::string_view::npos; i = text.find(quote, i + 2)) {
    if (i + 1 == text.size() || text[i + 1] != quote) return DelimitedKind::text_after_quote;
    field.doubled_quotes = true;
  }
  return kind;
}

DelimitedKind DelimitedParser::read_unquoted_field(const char*& at, Field& field) {
  const char* const begin = at;
  const char* const ending = find_ending(begin);
  at = find_delimiter(begin, ending);
  if (at == end_ && !complete_) return DelimitedKind::incomplete;
  field.text = between(begin, at);
  if (at == ending && field.text.ends_with('\r')) field.text.remove_suffix(1);
  return DelimitedKind::row;
}

DelimitedKind DelimitedParser::pass_first_line(DelimitedKind kind) {
  next_ending_ = nullptr;  // fields were read that may stand after it
  const char* const ending = find_ending(at_);
  if (ending == end_ && !complete_) return DelimitedKind::incomplete;
  pass_row(ending == end_ ? end_ : ending + 1, ending == end_ ? 0 : 1);
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
