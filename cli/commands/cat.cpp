// accrete cat: keys and values as lines that `accrete load --pairs` reads back, or what values hold: numbers, or items
// of MessagePack as JSON.
#include <accrete/packed_items.hpp>
#include <functional>
#include <optional>

#include "base/escape.hpp"
#include "base/hex.hpp"
#include "cli/dataset_header.hpp"
#include "cli/json_text.hpp"
#include "cli/number_lines.hpp"
#include "cli/packed_text.hpp"
#include "cli/program.hpp"
#include "cli/value_pieces.hpp"

namespace accrete::cli {
namespace {

// Four times as long when all of it is escaped, it still is within the default of load's --max-row.
constexpr std::uint64_t max_line_size = 128 << 20;  // bytes of the value

constexpr const char* footer =
    R"(One line key|bytes for each key, in byte order, or in the order of the KEYs given. Bytes that would break a line or a
terminal stand as \xNN, and so do the backslash and, in keys, the separator. Of a value of more than 128 MiB each 128
MiB stand on a line. `accrete load --pairs` makes the same keys and values of the lines.

With --as numbers, values are arrays of numbers as the C++ class Numeric appends them. Each element is a line key|number;
the fields of a struct are separated by commas, a bool is 0 or 1, a complex number is 1-2j. A number reads back as
exactly the same, but for the bits of a NaN. A KEY that is a table of the C++ class Columns is a line of the names of its
columns and a line for each row; without KEYs, each of its columns stands for itself.

--as msgpack takes the values for items of MessagePack, and prints a line {"key":…,"item":…} of JSON for each item. What
JSON cannot hold stands as an object: bytes {"$base64":"…"}, a time {"$time":"2001-09-09T01:46:40Z"}, other extensions
{"$ext":[type,"…"]}, NaN {"$float":"nan"}. A map's key that is no string stands as the text of its JSON, and an array or
a map that is a key in there as {"$msgpack":"…"}, in Base64; a dataset's key that is not UTF-8 as "key_base64". So the
JSON does not tell all: the keys 1 and "1" are printed alike. Items are at most 64 MiB long, 64 arrays or maps deep, and
of 4194304 objects.

--rows writes the values as they are, one after the other: the rows that were loaded, by key. With --header what comes
out is a file of rows again.

A value that is damaged or holds something else than numbers or items ends with a message, and the exit code is 4; the
others are printed.

Example:
  accrete cat flights --prefix S | cut -c-70
  accrete cat flights | accrete load copy --pairs '|'
  accrete cat flights --rows --header > by-origin.csv
  accrete cat events --as msgpack alice | jq .item.page
)";

class CatArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    CLI::Option* const keys = command.add_option("KEY", keys_, "Only these keys")->type_name("");
    command.add_option("--prefix", prefix_, "Only keys that begin with this")->type_name("TEXT")->excludes(keys);
    separator_option_ = command.add_option("--separator", separator_, "Between key and bytes; \\t is a tab")
                            ->type_name("CHAR")
                            ->capture_default_str();
    CLI::Option* const as = command.add_option("--as", as_, "What values hold")
                                ->check(CLI::IsMember({"bytes", "numbers", "msgpack"}).description(""))
                                ->type_name("bytes|numbers|msgpack")
                                ->capture_default_str();
    CLI::Option* const rows = command.add_flag("--rows", rows_, "The values as they are, without keys")
                                  ->excludes(separator_option_)
                                  ->excludes(as);
    command.add_flag("--header", header_, "Write the header of the rows that were loaded first")->needs(rows);
    command.footer(footer);
  }

  void run(Program& program) const {
    const char separator = pair_separator_argument("--separator", separator_);
    if (as_ == "msgpack" && !separator_option_->empty()) throw UsageError("--separator does not go with --as msgpack");
    dataset_.refuse_output_inside();
    const std::unique_ptr<Store> store = dataset_.open();
    if (header_) program.out().write(header_of(*store, dataset_.dataset));
    for (const KeySize& key : chosen(*store)) {
      write(program, [&] { write_value(program.out(), *store, key, separator); });
    }
    for (const std::string& key : keys_) {
      write(program, [&] {
        if (try_write(program.out(), *store, key, separator)) return;
        Program::say("there is no key " + accrete::quoted(key));
        program.end_with(ExitCode::missing);
      });
    }
  }

 private:
  [[nodiscard]] std::vector<KeySize> chosen(const Store& store) const {
    if (!keys_.empty()) return {};
    return store.list({.prefix = prefix_});
  }

  static std::string front_of_line(std::string_view key, char separator) {
    const std::string escaped = escape(key);
    std::string front;
    for (const char c : escaped) {
      if (c != separator) {
        front += c;
        continue;
      }
      front += "\\x";
      append_hex(front, separator);
    }
    return front + separator;
  }

  /// What was written before an error is printed. If it says that the value is not as it should be, others may be; but
  /// one that breaks off in a line of bytes ends the command.
  void write(Program& program, const std::function<void()>& write_one) const {
    try {
      write_one();
    } catch (const Error& error) {
      program.out().flush();
      if (as_ == "bytes" ||
          !is_any<CorruptionError, ErasedError, TooLargeError, TypeMismatchError, UnsupportedError>(error)) {
        throw;
      }
      Program::say(error.what());
      program.end_with(ExitCode::failed);
    }
  }

  template <typename... Types>
  [[nodiscard]] static bool is_any(const Error& error) {
    return ((dynamic_cast<const Types*>(&error) != nullptr) || ...);
  }

  /// False: there is no such key.
  [[nodiscard]] bool try_write(Output& out, Store& store, const std::string& key, char separator) const {
    const std::optional<std::uint64_t> size = store.size(key);
    if (size) write_value(out, store, {key, *size}, separator);
    const bool may_be_table = !size && as_ == "numbers" && key.size() < max_key_size;
    return size || (may_be_table && try_write_table_lines(out, store, key, front_of_line(key, separator)));
  }

  void write_value(Output& out, const Store& store, const KeySize& key, char separator) const {
    if (rows_) return cli::write_value(out, store, key.key, key.size);
    if (as_ == "numbers") return write_number_lines(out, store, key.key, front_of_line(key.key, separator));
    if (as_ == "msgpack") return write_items(out, store, key.key);
    write_lines(out, store, key, separator);
  }

  static void write_lines(Output& out, const Store& store, const KeySize& key, char separator) {
    const std::string front = front_of_line(key.key, separator);
    out.write(front);
    ValuePieces pieces(store, key.key, key.size, ValuePieces::Cut::between_characters);
    std::uint64_t in_line = 0;
    for (std::string_view piece; !(piece = pieces.next()).empty(); in_line += piece.size()) {
      if (in_line + piece.size() > max_line_size) {
        out.write("\n" + front);
        in_line = 0;
      }
      out.write(escape(piece));
    }
    out.write("\n");
  }

  static void write_items(Output& out, const Store& store, std::string_view key) {
    const std::string front = "{" + json_member("key", key) + ",\"item\":";
    PackedItems items(store, key);
    for (std::string_view item; !(item = items.next()).empty();) out.write(front + json_of_packed(item) + "}\n");
  }

  DatasetArguments dataset_;
  std::vector<std::string> keys_;
  std::string prefix_;
  std::string separator_ = "|";
  CLI::Option* separator_option_ = nullptr;
  std::string as_ = "bytes";
  bool rows_ = false;
  bool header_ = false;
};

}  // namespace

void add_cat_command(CLI::App& app, Program& program) {
  add_command<CatArguments>(app, program, "cat", "Print keys and values as lines of text");
}

}  // namespace accrete::cli
