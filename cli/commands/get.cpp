// accrete get: values as they are, or as JSON.
#include "base/escape.hpp"
#include "cli/dataset_header.hpp"
#include "cli/json_text.hpp"
#include "cli/program.hpp"
#include "cli/value_pieces.hpp"

namespace accrete::cli {
namespace {

constexpr const char* footer =
    R"(The values are written one after the other, with nothing between. For a missing key there is a message, and the exit
code is 1; so it is with --header where the dataset has none. With --json, a key or value that is not UTF-8 stands as "key_base64" or "value_base64".

Example:
  accrete get flights SEA PDX --header > northwest.csv
  accrete get --json flights SEA
)";

class GetArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.add_option("KEY", keys_, "Keys to get")->required()->type_name("");
    CLI::Option* const json =
        command.add_flag("--json", json_, R"(Write an array of {"key": ..., "value": ...}; null for a missing key)");
    command.add_flag("--header", header_, "Write the header of the rows that were loaded first")->excludes(json);
    command.footer(footer);
  }

  void run(Program& program) const {
    dataset_.refuse_output_inside();
    const std::unique_ptr<Store> store = dataset_.open();
    Output& out = program.out();
    if (header_) out.write(header_of(*store, dataset_.dataset));
    bool first = true;
    for (const std::string& key : keys_) {
      if (json_) out.write((first ? "[{" : ",\n {") + json_member("key", key) + ",");
      const std::optional<std::uint64_t> size = store->size(key);
      if (!size) {
        Program::say("there is no key " + accrete::quoted(key));
        program.end_with(ExitCode::missing);
      }
      if (json_) {
        write_json(out, *store, key, size);
      } else if (size) {
        write_value(out, *store, key, *size);
      }
      first = false;
    }
    if (json_) out.write("]\n");
  }

 private:
  static void write_json(Output& out, const Store& store, std::string_view key, std::optional<std::uint64_t> size) {
    if (size) {
      write_json_value(out, store, key, *size);
    } else {
      out.write("\"value\":null");
    }
    out.write("}");
  }

  DatasetArguments dataset_;
  std::vector<std::string> keys_;
  bool json_ = false;
  bool header_ = false;
};

}  // namespace

void add_get_command(CLI::App& app, Program& program) {
  add_command<GetArguments>(app, program, "get", "Write the values of keys");
}

}  // namespace accrete::cli
