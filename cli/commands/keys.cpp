// accrete keys: which keys there are, in byte order.
#include <optional>

#include "base/escape.hpp"
#include "cli/json_text.hpp"
#include "cli/number_arguments.hpp"
#include "cli/program.hpp"

namespace accrete::cli {
namespace {

constexpr const char* footer =
    R"(One key a line. Bytes that would break a line or a terminal, and the backslash, stand as \xNN. With --json, a key that
is not UTF-8 stands as "key_base64".

Example:
  accrete keys flights --prefix S
  accrete keys flights --after SEA --limit 10
  accrete keys -0 flights | xargs -0 -n1 accrete get flights
)";

class KeysArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.add_option("--prefix", prefix_, "Only keys that begin with this")->type_name("TEXT");
    command.add_option("--after", after_, "Only keys after this one")->type_name("KEY");
    add_count(command, "--limit", limit_, "At most so many keys").type_name("COUNT");
    CLI::Option* const raw = command.add_flag("-0,--null", raw_, "Raw keys, each ended by a NUL byte");
    command.add_flag("--json", json_, R"(Write an array of {"key": ..., "size": ...})")->excludes(raw);
    command.footer(footer);
  }

  void run(Program& program) const {
    ListOptions options{.prefix = prefix_, .limit = limit_};
    if (after_) options.after = *after_;
    const std::vector<KeySize> keys = dataset_.open()->list(options);
    Output& out = program.out();
    if (json_) return write_json(out, keys);
    for (const KeySize& entry : keys) {
      if (raw_) {
        out.write(entry.key);
        out.write(std::string_view("\0", 1));
      } else {
        out.write(escape(entry.key) + "\n");
      }
    }
  }

 private:
  static void write_json(Output& out, const std::vector<KeySize>& keys) {
    out.write("[");
    for (std::size_t i = 0; i < keys.size(); ++i) {
      out.write((i > 0 ? ",\n {" : "{") + json_member("key", keys[i].key) +
                ",\"size\":" + std::to_string(keys[i].size) + "}");
    }
    out.write("]\n");
  }

  DatasetArguments dataset_;
  std::string prefix_;
  std::optional<std::string> after_;
  std::optional<std::uint64_t> limit_;
  bool raw_ = false;
  bool json_ = false;
};

}  // namespace

void add_keys_command(CLI::App& app, Program& program) {
  add_command<KeysArguments>(app, program, "keys", "List the keys");
}

}  // namespace accrete::cli
