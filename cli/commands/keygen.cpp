// accrete keygen: CURVE keys for a server and its clients.
#include "cli/program.hpp"
#include "net/curve.hpp"

namespace accrete::cli {
namespace {

class KeygenArguments {
 public:
  void add_to(CLI::App& command) {
    command.add_option("FILE", file_, "Where the secret key goes; the public one goes to FILE.pub")
        ->required()
        ->type_name("");
    command.footer(
        "Makes a pair of CURVE keys, for a server or a client. The secret file is readable by its owner alone. A\n"
        "server's list of clients is their public files put together.\n\n"
        "Example:\n"
        "  accrete keygen server.key\n"
        "  accrete keygen client.key\n"
        "  cat client.key.pub >> clients\n"
        "  accrete serve flights --bind 'tcp://*:5555' --server-key server.key --allow-client-keys clients\n"
        "  accrete keys tcp://server:5555 --server-key server.key.pub --key client.key\n");
  }

  void run(Program& program) const {
    const KeyPair keys = make_key_pair();
    save_key_pair(keys, file_);
    program.out().write(keys.public_key + "\n");
  }

 private:
  std::string file_;
};

}  // namespace

void add_keygen_command(CLI::App& app, Program& program) {
  add_command<KeygenArguments>(app, program, "keygen", "Make a pair of keys for a server or a client on a network");
}

}  // namespace accrete::cli
