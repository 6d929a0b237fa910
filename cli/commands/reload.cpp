// accrete reload: has the caching server of a dataset read its allowed keys again.
#include "api/datasets.hpp"
#include "base/escape.hpp"
#include "cli/program.hpp"
#include "cli/text_format.hpp"
#include "net/client.hpp"
#include "net/endpoint.hpp"
#include "net/find_server.hpp"
#include "os/env.hpp"

namespace accrete::cli {
namespace {

class ReloadArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command, "Directory of the dataset, or the ipc:// endpoint of its server");
    command.footer(
        "Has the server of the dataset read its file of --allow-client-keys again, as SIGHUP does, and says what has\n"
        "changed. New keys are let in at once; those that are gone, not any more. A client that is connected stays "
        "so.\n"
        "If the file cannot be read, or a line of it is no key, the server goes on with the list that it has, and the\n"
        "exit code is 4; it is 1 if no server runs. Who may write to the server's socket, such as its user, may do "
        "this.\n\n"
        "Example:\n"
        "  cat client.key.pub >> clients\n"
        "  accrete reload flights\n");
  }

  void run(Program& program) const {
    if (is_tcp(dataset_.dataset)) dataset_.refuse_endpoint("reload");
    refuse_unopened();
    const std::unique_ptr<Store> store = open(dataset_.dataset, dataset_.options());
    const std::optional<KeyListChange> change = reload_keys(*store);
    if (!change) refuse_unserved();
    program.out().write(counted(change->keys, "key") + " allowed, " + grouped(change->added) + " new, " +
                        grouped(change->removed) + " removed\n");
  }

 private:
  /// An unserved dataset would be opened, and what a dead writer has left be mended.
  void refuse_unopened() const {
    if (is_endpoint(dataset_.dataset)) return;
    const OpenDirectory found = open_directory(posix_env(), dataset_.dataset);
    if (!find_server(*found.directory, found.layout)) refuse_unserved();
  }

  [[noreturn]] void refuse_unserved() const {
    throw NotFoundError("cannot have the server of " + accrete::quoted(dataset_.dataset) +
                        " read its allowed keys again: none runs");
  }

  DirectoryArguments dataset_;
};

}  // namespace

void add_reload_command(CLI::App& app, Program& program) {
  add_command<ReloadArguments>(app, program, "reload", "Have the server of a dataset read its allowed keys again");
}

}  // namespace accrete::cli
