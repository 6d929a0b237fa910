// accrete put: one append, from an argument or from standard input.
#include <algorithm>
#include <optional>

#include "base/escape.hpp"
#include "base/key_name.hpp"
#include "cli/append_for_certain.hpp"
#include "cli/number_arguments.hpp"
#include "cli/program.hpp"
#include "cli/rethrow_with.hpp"
#include "os/byte_source.hpp"

namespace accrete::cli {
namespace {

constexpr std::size_t max_piece_bytes = 64 << 20;

constexpr const char* footer =
    R"(Standard input of up to 64 MiB is one append; more is appended in pieces of 64 MiB, each whole or not at all.
Where a server takes less at once (--max-message), the pieces are smaller.

If the server of a served dataset does not say in time whether it has appended the bytes, they are sent once more, and
appended once in all. If it says nothing still, the exit code is 4, and they may be appended yet; so they may where a
device fails under a dataset that is not served, and the message says so.

Example:
  accrete put greetings x 'Hello '
  date | accrete put greetings times
  accrete put --expect-size 0 greetings once 'only if new'
)";

/// Up to piece_bytes; fewer only at the end of the input.
void read_piece(ByteSource& input, std::string& piece, std::size_t piece_bytes) {
  constexpr std::size_t step = 1 << 20;
  piece.clear();
  while (piece.size() < piece_bytes) {
    const std::size_t before = piece.size();
    piece.resize(std::min(before + step, piece_bytes));
    std::size_t got = 0;
    try {
      got = input.read({piece.data() + before, piece.size() - before});
    } catch (...) {
      piece.resize(before);
      throw;
    }
    piece.resize(before + got);
    if (got == 0) return;
  }
}

class PutArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.add_option("KEY", key_, "1 to 1024 bytes")->required()->type_name("");
    command.add_option("BYTES", bytes_, "What to append; standard input without it, or for '-'")->type_name("");
    command.add_flag("--sync", sync_, "Return when it survives power loss");
    add_count(command, "--expect-size", expect_size_, "Append only if the value has so many bytes; 0: only a new key")
        .type_name("BYTES");
    command.footer(footer);
  }

  void run(Program&) const {
    const std::unique_ptr<Store> store = dataset_.open();
    if (bytes_ && *bytes_ != "-") return append(*store, *bytes_, 0);
    const std::unique_ptr<ByteSource> input = standard_input();
    const bool is_key = !key_.empty() && key_.size() <= max_key_size;
    if (is_key && input->is_at(dataset_.directory() + "/" + key_to_name(key_))) {
      throw Error("cannot append standard input to " + accrete::quoted(key_) +
                  ": input file is output file; copy the value first");
    }
    append_all(*store, *input);
  }

 private:
  void append_all(Store& store, ByteSource& input) const {
    const std::size_t piece_bytes = piece_bytes_of(store);
    std::uint64_t done = 0;
    std::string piece;
    try {
      do {
        read_piece(input, piece, piece_bytes);
        if (done == 0 || !piece.empty()) append(store, piece, done);
        done += piece.size();
      } while (piece.size() == piece_bytes);
    } catch (...) {
      if (done == 0) throw;
      rethrow_with("; " + std::to_string(done) + " bytes were appended before it");
    }
  }

  [[nodiscard]] std::size_t piece_bytes_of(const Store& store) const {
    const std::uint64_t besides = key_.size() + entry_overhead;
    return std::min<std::uint64_t>(max_piece_bytes, std::max(store.max_batch_bytes(), besides + 1) - besides);
  }

  void append(Store& store, std::string_view bytes, std::uint64_t done) const {
    const Entry entry{key_, bytes};
    AppendOptions options{.sync = sync_};
    if (expect_size_) options.expect_size = *expect_size_ + done;
    append_for_certain(store, {&entry, 1}, options);
  }

  DatasetArguments dataset_;
  std::string key_;
  std::optional<std::string> bytes_;
  std::optional<std::uint64_t> expect_size_;
  bool sync_ = false;
};

}  // namespace

void add_put_command(CLI::App& app, Program& program) {
  add_command<PutArguments>(app, program, "put", "Append bytes to the value of a key");
}

}  // namespace accrete::cli
