// accrete export: a file a key.
#include <functional>

#include "base/escape.hpp"
#include "base/key_name.hpp"
#include "cli/dataset_header.hpp"
#include "cli/program.hpp"
#include "cli/rethrow_with.hpp"
#include "cli/text_format.hpp"
#include "cli/value_pieces.hpp"
#include "os/env.hpp"

namespace accrete::cli {
namespace {

constexpr std::size_t max_suffix = 15;  // bytes: with it a name is still one that file systems take

constexpr const char* footer =
    R"(Writes each value into a file of its own: the header of the rows that were loaded, if the dataset has one, and then
the value. A file is named as in a dataset: letters, digits, '_', '-', '.' and blanks stand for themselves, other bytes
as %XX, and of a long key the front is a directory. DIRECTORY must be new or empty. An export that was interrupted leaves
what it has written; remove it and begin anew.

Example:
  accrete export flights by-origin --suffix .csv
  accrete export flights west --suffix .csv --prefix S --no-header
)";

class ExportArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.add_option("DIRECTORY", directory_, "Where the files are made")->required()->type_name("");
    command.add_option("--suffix", suffix_, "Of the names of the files, such as .csv")->type_name("TEXT");
    command.add_option("--prefix", prefix_, "Only keys that begin with this")->type_name("TEXT");
    command.add_flag("--no-header", no_header_, "Write the values alone");
    command.add_flag("-q,--quiet", quiet_, "No summary");
    command.footer(footer);
  }

  void run(Program&) const {
    if (suffix_.size() > max_suffix || suffix_.find('/') != std::string::npos) {
      throw UsageError("--suffix " + accrete::quoted(suffix_) + " must have at most " + std::to_string(max_suffix) +
                       " bytes, and no '/'");
    }
    const std::unique_ptr<Store> store = dataset_.open();
    const std::string header = no_header_ ? "" : store->attribute(header_attribute).value_or("");
    const std::vector<KeySize> keys = store->list({.prefix = prefix_});
    const std::unique_ptr<Directory> directory = make_directory();
    std::uint64_t done = 0;
    try {
      for (const KeySize& key : keys) {
        write(*store, key, header, *directory);
        ++done;
      }
    } catch (...) {
      rethrow_with("; " + counted(done, "file") + " of " + grouped(keys.size()) + " in " + accrete::quoted(directory_) +
                   (done == 1 ? " is" : " are") + " whole");
    }
    if (!quiet_) Program::say(counted(done, "file"));
  }

 private:
  [[nodiscard]] std::unique_ptr<Directory> make_directory() const {
    Env& env = posix_env();
    if (!env.info(directory_)) env.make_directory(directory_);
    std::unique_ptr<Directory> directory = env.try_open_directory(directory_);
    if (!directory) throw Error("cannot export to " + accrete::quoted(directory_) + ": it is no directory");
    if (directory->entries("").empty()) return directory;
    throw Error("cannot export to " + accrete::quoted(directory_) +
                ": it is not empty; name a new directory, or empty this one");
  }

  void write(const Store& store, const KeySize& key, const std::string& header, Directory& directory) const {
    const std::string name = key_to_name(key.key) + suffix_;
    make_parents(directory, name);
    const std::unique_ptr<File> file = directory.open(name, OpenMode::create_append);
    const auto append = [&](std::string_view bytes) { file->append({&bytes, 1}); };
    append(header);
    ValuePieces pieces(store, key.key, key.size);
    for (std::string_view piece; !(piece = pieces.next()).empty();) append(piece);
  }

  static void make_parents(Directory& directory, const std::string& name) {
    for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
      const std::string parent = name.substr(0, at);
      if (!directory.info(parent)) directory.make_directory(parent);
    }
  }

  DatasetArguments dataset_;
  std::string directory_;
  std::string suffix_;
  std::string prefix_;
  bool no_header_ = false;
  bool quiet_ = false;
};

}  // namespace

void add_export_command(CLI::App& app, Program& program) {
  add_command<ExportArguments>(app, program, "export", "Write each value into a file of its own");
}

}  // namespace accrete::cli
