// Lines `key|bytes` as rows: what `accrete cat` prints.
#include "base/escape.hpp"
#include "cli/load/length_prefixed.hpp"
#include "cli/load/line_reader.hpp"
#include "cli/load/row_parser.hpp"

namespace accrete::cli {
namespace {

class PairRows final : public RowParser {
 public:
  PairRows(char separator, bool raw) : separator_(separator), raw_(raw) {}

  /// Not even a byte order mark: a key may begin with its bytes.
  RowKind read_header(std::string_view text, bool, Row& header) override {
    header = {};
    header.bytes = text.substr(0, 0);
    return RowKind::row;
  }

  void feed(std::string_view text, bool complete) override { lines_.feed(text, complete); }

  RowKind next(Row& row) override {
    row.bytes = lines_.next();
    if (row.bytes.empty()) return RowKind::incomplete;
    const bool ended = row.bytes.ends_with('\n');
    row.line_count = ended ? 1 : 0;
    if (without_ending(row.bytes).empty()) return RowKind::blank;
    const std::string_view line = row.bytes.substr(0, row.bytes.size() - (ended ? 1 : 0));
    const std::size_t at = line.find(separator_);
    if (at == std::string_view::npos) {
      row.problem = "the line has no separator " + quoted({&separator_, 1});
      return RowKind::malformed;
    }
    row.key = bytes_of(line.substr(0, at), key_);
    row.value = bytes_of(line.substr(at + 1), value_);
    return RowKind::row;
  }

  bool keeps_endings() const override { return false; }

  std::string description() const override {
    std::string text;
    append_prefixed(text, "pairs");
    append_prefixed(text, {&separator_, 1});
    append_prefixed(text, raw_ ? "raw" : "escaped");
    return text;
  }

 private:
  std::string_view bytes_of(std::string_view text, std::string& unescaped) const {
    if (raw_ || text.find('\\') == std::string_view::npos) return text;
    unescaped = unescape(text);
    return unescaped;
  }

  char separator_;
  bool raw_;
  LineReader lines_;
  std::string key_;
  std::string value_;
};

}  // namespace

std::unique_ptr<RowParser> pair_rows(char separator, bool raw) { return std::make_unique<PairRows>(separator, raw); }

}  // namespace accrete::cli
