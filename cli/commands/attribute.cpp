// accrete attribute: the attributes of a dataset, which are of the dataset itself and not of a key.
#include <optional>
#include <string>

#include "base/escape.hpp"
#include "cli/program.hpp"
#include "os/byte_source.hpp"

namespace accrete::cli {
namespace {

constexpr const char* footer =
    R"(Without a name, the names of all attributes, one a line. With a name, the value as it is; if there is none, there is a
message, and the exit code is 1. With a value, it is set, and survives power loss. Attributes are few and small: names of
up to 64 letters, digits, '_', '.' and '-', values of up to 256 KiB, 1 MiB together. They stay when all keys are dropped.

With --new, an attribute that is there already is left as it is, and the exit code is 4: of several programs that set it
at the same time, one does.

Example:
  accrete attribute flights
  accrete attribute flights source 'a survey of 2019'
  head -n 1 flights.csv | accrete attribute --new flights header -
  accrete attribute --remove flights source
)";

/// One byte more than an attribute may have, if there are so many.
std::string read_value() {
  const std::unique_ptr<ByteSource> input = standard_input();
  std::string value(max_attribute_size + 1, '\0');
  std::size_t size = 0;
  while (const std::size_t got = input->read({value.data() + size, value.size() - size})) size += got;
  value.resize(size);
  return value;
}

class AttributeArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.add_option("NAME", name_, "The attribute to write to standard output")->type_name("");
    CLI::Option* const value =
        command.add_option("VALUE", value_, "What to set it to; '-': standard input")->type_name("");
    command.add_flag("--new", new_, "Set it only if there is none");
    command.add_flag("--remove", remove_, "Remove it")->excludes(value);
    command.footer(footer);
  }

  void run(Program& program) const {
    if (!name_ && remove_) throw UsageError("--remove needs the name of an attribute");
    if (!value_ && new_) throw UsageError("--new needs a value to set the attribute to");
    const std::unique_ptr<Store> store = dataset_.open();
    if (!name_) return list(program, *store);
    if (value_) return set(*store);
    const std::optional<std::string> value = store->attribute(*name_);
    if (!value) {
      Program::say("there is no attribute " + accrete::quoted(*name_));
      program.end_with(ExitCode::missing);
    } else if (remove_) {
      store->set_attribute(*name_, std::nullopt);
    } else {
      program.out().write(*value);
    }
  }

 private:
  static void list(Program& program, const Store& store) {
    for (const std::string& name : store.attributes()) program.out().write(name + "\n");
  }

  void set(Store& store) const {
    const std::string value = *value_ == "-" ? read_value() : *value_;
    if (store.set_attribute(*name_, value, {.expect_none = new_})) return;
    throw Error("cannot set the attribute " + accrete::quoted(*name_) +
                ": there is one already; leave --new out to replace it");
  }

  DatasetArguments dataset_;
  std::optional<std::string> name_;
  std::optional<std::string> value_;
  bool new_ = false;
  bool remove_ = false;
};

}  // namespace

void add_attribute_command(CLI::App& app, Program& program) {
  add_command<AttributeArguments>(app, program, "attribute", "List, write, set or remove attributes of a dataset");
}

}  // namespace accrete::cli
