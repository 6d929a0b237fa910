// accrete rm: erases keys.
#include "base/escape.hpp"
#include "cli/program.hpp"

namespace accrete::cli {
namespace {

/// Where the disk is so full that nothing can be read, as a dead server's appends cannot be handed down, erasing makes
/// room.
bool may_exist(const Store& store, const std::string& key) {
  try {
    return store.size(key).has_value();
  } catch (const DiskFullError&) {
    return true;
  }
}

class RmArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.add_option("KEY", keys_, "Keys to erase")->required()->type_name("");
    command.footer(
        "For a missing key there is a message, and the exit code is 1; the others are erased.\n\n"
        "Example:\n  accrete rm flights SEA PDX\n");
  }

  void run(Program& program) const {
    const std::unique_ptr<Store> store = dataset_.open();
    for (const std::string& key : keys_) {
      if (may_exist(*store, key)) {
        store->erase(key);
      } else {
        Program::say("there is no key " + accrete::quoted(key));
        program.end_with(ExitCode::missing);
      }
    }
  }

 private:
  DatasetArguments dataset_;
  std::vector<std::string> keys_;
};

}  // namespace

void add_rm_command(CLI::App& app, Program& program) {
  add_command<RmArguments>(app, program, "rm", "Erase keys with their values");
}

}  // namespace accrete::cli
