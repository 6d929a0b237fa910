// accrete load: the main job. Groups the rows of text by key.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "base/escape.hpp"
#include "cli/load/delimited.hpp"
#include "cli/load/input_source.hpp"
#include "cli/load/loader.hpp"
#include "cli/load/progress_bar.hpp"
#include "cli/number_arguments.hpp"
#include "cli/program.hpp"
#include "cli/rethrow_with.hpp"
#include "cli/text_format.hpp"
#include "os/byte_source.hpp"
#include "os/stop_signals.hpp"
#include "os/thread.hpp"

namespace accrete::cli {
namespace {

constexpr const char* footer = R"(Rows
  Delimited text is read as RFC 4180 has it: a field may stand in double quotes, and then holds delimiters, line
  endings and doubled quotes. Between tabs few mean quotes so: there, a field that begins with a quote must end with one
  before the next tab or line ending, unless --quotes is given. --no-quotes takes them for ordinary bytes. A row ends
  with LF or CR LF, or with CR where the input has no LF. It is appended whole, its ending included, to the key that
  its columns make (without their quotes, joined by --key-separator: choose one that no column holds). The rows of a
  key keep their order. Blank lines are passed over. Where a file's last row has no ending it gets that of the line
  before, so that rows loaded later begin a new line. --columns keeps these columns of a row as they stand, quotes
  included, and its ending.
  --pairs appends what is after the separator, without the line's ending. --jsonl appends the line, ending included.

Fields of JSON
  --by properties.net is the field of this name, or else the field net of the object properties. What makes a key is
  the text of a string, and of a number, true and false as they stand in the line: 1, 1.0 and 1e0 are three keys, 1 and
  "1" are one. Null and a field that is not there make none; an object or array, and a field that stands twice, are
  malformed.

Inputs
  What gzip, zstd, bzip2 and xz have compressed is known by its first bytes, and read as what it was. What is no text is
  refused with a word on what it is. A byte order mark is passed over.

Items
  --as msgpack appends each row as a map, an item of MessagePack, which accrete cat --as msgpack prints and Packed<T>
  reads. Of delimited text its keys are the names of the columns, or without a header their numbers, from 1; its values
  are strings, whatever they look like, or binaries where they are not UTF-8. Of JSON everything keeps its type; numbers
  must fit into 64 bits.

Malformed rows
  A row with too few columns (with --as msgpack and a header: with fewer or more than that; with --reorder: also with
  more), with text after a closing quote, with a quote that is never closed, without a key (unless --empty-key names
  one) or with one of over 1024 bytes, or longer than --max-row; with --as msgpack also one that makes an item of over
  64 MiB or 64 levels, and an object with a name that stands twice. It ends the load, with the rows before it appended;
  with --on-error skip it is passed over (up to the end of its first line, where a quote or its length is at fault). If
  all are passed over, the exit code is 4.

Loading once
  Loading a file again appends it again. With --id NAME, what was appended of an input under that name is not appended
  again, also after a crash half-way: the load goes on after it, and a file that has grown is continued. An input is
  known by its header and first row, together with the options that make the keys. One that begins so but then differs
  from what was loaded is an error: give it another name, or load inputs that begin alike in one command and always in
  the same order. A last row without its ending is then not loaded, but left for the next load: whoever writes the input
  may not have come to its end. So may the end of compressed input that is cut off: the rows before the cut are loaded.

Slow inputs and signals
  What has come of a pipe is appended after a second at the latest. SIGTERM, SIGINT and SIGHUP end a load with the rows
  that were read whole: it says how far it came, and the exit code is 4. A second one ends it at once, and so does the first
  while it opens the dataset, and with --sync once all is appended.

Example:
  accrete load flights flights.csv --by origin --create
  accrete load routes flights-*.csv --by origin,destination --key-separator - --id 2001
  accrete load logs log.tsv.gz --delimiter '\t' --no-header --by 3
  accrete load ratings ratings.dat --delimiter :: --no-header --by 2
  accrete cat flights | accrete load copy --pairs '|'
  accrete load events events.jsonl --jsonl --by user.name
  accrete load items events.jsonl --jsonl --by user --as msgpack
)";

constexpr unsigned max_threads = 16;

/// Shows the progress, and the first malformed rows.
class LoadReport final : public LoadObserver {
 public:
  LoadReport(bool quiet, StopSignals& signals) : bar_(!quiet), signals_(signals) {}

  void begin(const std::string& name, std::optional<std::uint64_t> bytes) override { bar_.begin(name, bytes); }
  void advanced(std::uint64_t input_bytes, std::uint64_t rows) override { bar_.show(input_bytes, rows); }
  void malformed_row(const std::string& message) override {
    if (++malformed_ > max_shown) return;
    bar_.clear();
    Program::say(message + " (skipped)");
  }

  void unended_row(const ByteSource& input, std::uint64_t bytes) override {
    bar_.clear();
    Program::say(escape(input.name()) + ": the last line has no ending yet: its " + counted(bytes, "byte") +
                 (bytes == 1 ? " is" : " are") + " not loaded, and wait for the next load with this id");
  }
  /// A second signal ends the program at once.
  bool stop_is_asked() override {
    if (!is_stopped_ && signals_.take().stops > 0) {
      is_stopped_ = true;
      signals_.let_stops_through();
    }
    return is_stopped_;
  }

 private:
  static constexpr std::uint64_t max_shown = 5;

  ProgressBar bar_;
  StopSignals& signals_;
  bool is_stopped_ = false;
  std::uint64_t malformed_ = 0;
};

class StopsHeldBack {
 public:
  explicit StopsHeldBack(const StopSignals& signals) : signals_(signals) { signals_.hold_stops_back(); }
  ~StopsHeldBack() { signals_.let_stops_through(); }
  StopsHeldBack(const StopsHeldBack&) = delete;
  StopsHeldBack& operator=(const StopsHeldBack&) = delete;

 private:
  const StopSignals& signals_;
};

class LoadArguments {
 public:
  void add_to(CLI::App& command);
  void run(Program& program);

 private:
  void add_options_of_delimited_text(CLI::App& command);
  [[nodiscard]] std::unique_ptr<RowParser> make_parser() const;
  [[nodiscard]] DelimitedSyntax syntax() const;
  void check_combination() const;
  void make_dataset() const;
  [[nodiscard]] std::unique_ptr<Store> open_dataset() const;
  [[nodiscard]] LoadTotals load_all(Store& store, RowParser& parser, StopSignals& signals) const;
  void summarize(const Store& store, const LoadTotals& totals, std::chrono::duration<double> time) const;

  DatasetArguments dataset_;
  std::vector<const CLI::Option*> of_delimited_text_;
  std::vector<std::string> files_;
  std::string by_;
  std::string columns_;
  std::string delimiter_ = ",";
  std::string comment_;
  std::string empty_key_;
  std::string key_separator_ = ",";
  std::string pairs_;
  std::string as_ = "text";
  std::string on_error_ = "stop";
  std::string id_;
  std::uint64_t max_row_ = LoadOptions{}.max_row_bytes;
  std::uint64_t skip_lines_ = 0;
  std::uint64_t threads_ = std::min(usable_cores(), max_threads);
  bool create_ = false;
  bool no_header_ = false;
  bool no_quotes_ = false;
  bool quotes_ = false;
  bool reorder_ = false;
  bool jsonl_ = false;
  bool raw_ = false;
  bool sync_ = false;
  bool quiet_ = false;
};

void LoadArguments::add_to(CLI::App& command) {
  dataset_.add_to(command);
  command.add_option("FILE", files_, "Files to read; standard input without any, or for '-'")->type_name("");
  command.add_flag("--create", create_, "Make the dataset if it is not there");
  command
      .add_option("--by", by_, "Columns (with --jsonl: fields) that make a row's key; a name with a comma in quotes")
      ->type_name("COLUMN[,COLUMN...]");
  add_options_of_delimited_text(command);
  command.add_option("--empty-key", empty_key_, "The key of rows that have none")->type_name("NAME");
  command.add_option("--key-separator", key_separator_, "Between the columns of a key")
      ->type_name("TEXT")
      ->capture_default_str();
  command.add_option("--pairs", pairs_, "Read lines key<CHAR>bytes, as accrete cat prints them")->type_name("CHAR");
  command.add_flag("--raw", raw_, "With --pairs: \\xNN stands for itself, not for a byte");
  command.add_flag("--jsonl", jsonl_, "Read lines of JSON objects");
  command.add_option("--as", as_, "What is appended of a row")
      ->check(CLI::IsMember({"text", "msgpack"}).description(""))
      ->type_name("text|msgpack")
      ->capture_default_str();
  command.add_option("--on-error", on_error_, "What a malformed row does to the load")
      ->check(CLI::IsMember({"stop", "skip"}).description(""))
      ->type_name("stop|skip")
      ->capture_default_str();
  add_size(command, "--max-row", max_row_, "Longest row (1GiB if not given)").type_name("SIZE");
  command.add_option("--id", id_, "Load each row once, however often this is repeated")->type_name("NAME");
  add_count(command, "--threads", threads_,
            "How many read rows at the same time; as many as there are cores, if not told",
            {.min = 1, .max = max_threads})
      .type_name("COUNT");
  command.add_flag("--sync", sync_, "When done, make all of it survive power loss");
  command.add_flag("-q,--quiet", quiet_, "Neither progress nor summary");
  command.footer(footer);
}

void LoadArguments::add_options_of_delimited_text(CLI::App& command) {
  CLI::Option* const columns =
      command.add_option("--columns", columns_, "Keep only these columns of each row, in this order")
          ->type_name("COLUMN[,COLUMN...]");
  CLI::Option* const delimiter = command.add_option("--delimiter", delimiter_, "Between columns; \\t is a tab")
                                     ->type_name("TEXT")
                                     ->capture_default_str();
  CLI::Option* const no_quotes = command.add_flag("--no-quotes", no_quotes_, "A quote is a byte like any other");
  CLI::Option* const quotes =
      command.add_flag("--quotes", quotes_, "Fields in quotes may hold delimiters and line endings, also with a tab")
          ->excludes(no_quotes);
  CLI::Option* const no_header = command.add_flag(
      "--no-header", no_header_, "The first row is data; --by and --columns take the numbers of columns, from 1");
  CLI::Option* const reorder =
      command.add_flag("--reorder", reorder_, "Put the columns of each file into the order of the dataset's header");
  CLI::Option* const skip_lines =
      add_count(command, "--skip-lines", skip_lines_, "Pass over so many lines at the front of each file")
          .type_name("COUNT");
  CLI::Option* const comment =
      command.add_option("--comment", comment_, "Pass over lines that begin so")->type_name("CHAR");
  of_delimited_text_ = {columns, delimiter, no_quotes, quotes, no_header, reorder, skip_lines, comment};
}

void LoadArguments::check_combination() const {
  const bool is_delimited = !jsonl_ && pairs_.empty();
  if (jsonl_ && !pairs_.empty()) throw UsageError("--jsonl and --pairs exclude each other");
  if (!pairs_.empty() && !by_.empty()) throw UsageError("--pairs has the key in the line; --by does not go with it");
  if (pairs_.empty() && by_.empty())
    throw UsageError("load needs --by COLUMN or --pairs CHAR (see accrete load --help)");
  if (pairs_.empty() && raw_) throw UsageError("--raw goes only with --pairs");
  for (const CLI::Option* const option : of_delimited_text_) {
    if (!is_delimited && !option->empty()) throw UsageError(option->get_name() + " goes only with delimited text");
  }
  if (as_ != "text" && !pairs_.empty()) throw UsageError("--as goes only with delimited text and with --jsonl");
  if (reorder_ && (no_header_ || as_ != "text")) {
    throw UsageError("--reorder goes by the header, and only with rows that stay text");
  }
  if (max_row_ == 0) throw UsageError("--max-row must be at least 1");
  if (std::count(files_.begin(), files_.end(), standard_input_path) > 1)
    throw UsageError("standard input can be read only once");
}

/// A row of RFC 4180 itself, so that a name may hold commas.
std::vector<std::string> columns_of(const std::string& option, const std::string& text) {
  if (text.empty()) return {};
  DelimitedParser parser(DelimitedSyntax{});
  parser.feed(text, true);
  if (parser.next() != DelimitedKind::row || !parser.rest().empty()) {
    throw UsageError(option + " " + accrete::quoted(text) + " is not a list of columns");
  }
  return {parser.fields().begin(), parser.fields().end()};
}

/// Of one byte or several; each `\t` is a tab.
std::string delimiter_of(std::string text) {
  for (std::size_t at = text.find("\\t"); at != std::string::npos; at = text.find("\\t", at)) text.replace(at, 2, "\t");
  return text;
}

DelimitedSyntax LoadArguments::syntax() const {
  DelimitedSyntax syntax{.delimiter = delimiter_of(delimiter_)};
  if (!comment_.empty()) syntax.comment = byte_argument("--comment", comment_);
  if (no_quotes_) {
    syntax.quotes = Quotes::none;
  } else if (!quotes_ && syntax.delimiter == "\t") {
    syntax.quotes = Quotes::closed;
  }
  return syntax;
}

std::unique_ptr<RowParser> LoadArguments::make_parser() const {
  if (!pairs_.empty())
    return pair_rows(raw_ ? byte_argument("--pairs", pairs_) : pair_separator_argument("--pairs", pairs_), raw_);
  const RowForm form = as_ == "msgpack" ? RowForm::packed_map : RowForm::text;
  if (jsonl_) return json_rows(columns_of("--by", by_), key_separator_, form);
  return delimited_rows({.syntax = syntax(),
                         .header = !no_header_,
                         .skip_lines = skip_lines_,
                         .by = columns_of("--by", by_),
                         .keep = columns_of("--columns", columns_),
                         .reorder = reorder_,
                         .key_separator = key_separator_,
                         .form = form});
}

std::unique_ptr<ByteSource> open_input(const std::string& file, const std::string& dataset) {
  std::unique_ptr<ByteSource> input = file == standard_input_path ? standard_input() : open_source(file);
  if (!input->is_inside(dataset)) return std::make_unique<InputSource>(std::move(input));
  throw Error("cannot load " + accrete::quoted(input->name()) + " into " + accrete::quoted(dataset) +
              ": input file is output file; copy it out of the dataset first");
}

/// Only here do stops wait: before it nothing has been read, and after it nothing is left to be appended.
LoadTotals LoadArguments::load_all(Store& store, RowParser& parser, StopSignals& signals) const {
  const StopsHeldBack held(signals);
  LoadOptions options{.skip_malformed = on_error_ == "skip",
                      .max_row_bytes = max_row_,
                      .threads = static_cast<unsigned>(threads_),
                      .stop_fd = signals.fd()};
  if (!empty_key_.empty()) options.empty_key = empty_key_;
  if (!id_.empty()) options.id = id_;
  LoadReport report(quiet_, signals);
  Loader loader(store, parser, options, report);
  const std::vector<std::string> standard = {standard_input_path};
  loader.load(files_.empty() ? standard : files_,
              [dataset = dataset_.directory()](const std::string& file) { return open_input(file, dataset); });
  return loader.totals();
}

std::unique_ptr<Store> LoadArguments::open_dataset() const {
  try {
    return dataset_.open();
  } catch (const NotFoundError&) {
    std::error_code error;
    const std::filesystem::file_status found = std::filesystem::status(dataset_.dataset, error);
    if (is_regular_file(found)) rethrow_with("; the dataset comes first, and then the files");
    if (!exists(found)) rethrow_with(", and so does load --create");
    throw;
  }
}

void LoadArguments::make_dataset() const {
  try {
    create(dataset_.dataset);
  } catch (const ExistsError&) {
    // It is loaded into.
  }
}

void LoadArguments::run(Program& program) {
  check_combination();
  const std::unique_ptr<RowParser> parser = make_parser();
  const auto begin = std::chrono::steady_clock::now();
  StopSignals signals(StopSignals::Hangup::stops);
  signals.let_stops_through();
  if (create_) make_dataset();
  const std::unique_ptr<Store> store = open_dataset();
  const LoadTotals totals = load_all(*store, *parser, signals);
  if (sync_) store->sync();
  if (totals.malformed > 0) Program::say(counted(totals.malformed, "malformed row") + " skipped");
  if (totals.malformed > 0 && totals.rows + totals.resumed_bytes == 0) {
    Program::say("none of the rows was loaded");
    program.end_with(ExitCode::failed);
  } else if (!quiet_) {
    summarize(*store, totals, std::chrono::steady_clock::now() - begin);
  }
}

void LoadArguments::summarize(const Store& store, const LoadTotals& totals, std::chrono::duration<double> time) const {
  if (totals.rows == 0 && totals.resumed_bytes > 0) {
    Program::say("0 rows: already loaded under the id " + accrete::quoted(id_));
    return;
  }
  if (totals.rows == 0) {
    Program::say("0 rows");
    return;
  }
  std::string text = counted(totals.rows, "row") + " (" + byte_size(totals.bytes) + ") in " + seconds(time) + ", " +
                     byte_rate(totals.bytes, time);
  if (totals.resumed_bytes > 0) text += ", after " + byte_size(totals.resumed_bytes) + " loaded before";
  Program::say(text + "; the dataset has " + counted(store.stats().keys, "key"));
}

}  // namespace

void add_load_command(CLI::App& app, Program& program) {
  add_command<LoadArguments>(app, program, "load", "Append the rows of text files, grouped by key");
}

}  // namespace accrete::cli
