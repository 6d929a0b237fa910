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

  std::unique_ptr<RowParser> clone() const override { return std::make_unique<PairRows>(*this); }

  /// Raw bytes may hold a CR.
  void set_ending(char ending) override { lines_.set_ending(raw_ ? '\n' : ending); }

  void feed(std::string_view text, bool complete) override { lines_.feed(text, complete); }

  RowKind next(Row& row) override {
    row.problem.clear();
    row.bytes = lines_.next();
    if (row.bytes.empty()) return RowKind::incomplete;
    const bool is_ended = lines_.is_ended(row.bytes);
    row.line_count = is_ended ? 1 : 0;
    if (without_ending(row.bytes).empty()) return RowKind::blank;
    const std::string_view line = row.bytes.substr(0, row.bytes.size() - (is_ended ? 1 : 0));
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
