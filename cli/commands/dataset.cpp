// accrete create, drop, destroy, verify, sweep: what concerns a dataset as a whole.
#include <optional>
#include <string>
#include <vector>

#include "base/escape.hpp"
#include "cli/program.hpp"
#include "cli/text_format.hpp"

namespace accrete::cli {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void add_path(CLI::App& command, const char* name, std::string& path, const char* description) {
  command.add_option(name, path, description)->required()->type_name("");
}

class CreateArguments {
 public:
  void add_to(CLI::App& command) {
    add_path(command, "DATASET", path_, "Directory to create; the one above it must exist");
    command.add_flag("--adopt", adopt_,
                     "Make a dataset of a directory that exists and holds one raw file a key, such as partd leaves");
    command.add_option("--codec", codec_, "Compress values, with checksums: METHOD or METHOD:LEVEL")
        ->type_name("CODEC");
    command.add_option("--layout", layout_, "How the dataset lies: files, one file a key")
        ->type_name("LAYOUT")
        ->capture_default_str();
    command.footer(
        "Methods of this build: " + joined(codec_names()) +
        ".\n"
        "lz4 and snappy are fast; zstd (levels 1 to 22), zlib and bz2 (1 to 9) make values smaller, and are slower. "
        "blosc\n"
        "is for arrays of numbers: its level is the size of a number in bytes. stored only adds the checksums.\n\n"
        "Example:\n"
        "  accrete create flights\n"
        "  accrete create flights --codec zstd:9\n"
        "  accrete create --adopt partd-directory\n");
  }

  void run(Program&) const {
    try {
      create(path_, {.adopt = adopt_, .codec = codec(), .layout = layout_});
    } catch (const InvalidKeyError& error) {
      throw Error(error.what());  // of a name found in the directory, not of an argument
    }
  }

 private:
  [[nodiscard]] std::optional<Codec> codec() const {
    return codec_ ? std::optional(parse_codec(*codec_)) : std::nullopt;
  }

  std::string path_;
  bool adopt_ = false;
  std::optional<std::string> codec_;
  std::string layout_ = "files";
};

class DropArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.footer("Example:\n  accrete drop flights\n");
  }

  void run(Program&) const { dataset_.open()->drop(); }

 private:
  DatasetArguments dataset_;
};

class DestroyArguments {
 public:
  void add_to(CLI::App& command) {
    add_path(command, "DATASET", path_, "Directory of the dataset");
    command.footer(
        "Refuses what is not a dataset, a symbolic link, and a directory that holds other files too.\n\n"
        "Example:\n  accrete destroy flights\n");
  }

  void run(Program&) const {
    try {
      destroy(path_);
    } catch (const InvalidArgumentError& error) {
      throw Error(error.what());  // what is at the path is at fault, not how the program was called
    }
  }

 private:
  std::string path_;
};

class VerifyArguments {
 public:
  void add_to(CLI::App& command) {
    add_path(command, "DATASET", path_, "Directory of the dataset");
    command.add_flag("--repair", repair_,
                     "Roll back what a dead writer left half done, recount the totals, and cut out of compressed "
                     "values what cannot be decoded");
    command.footer(
        "Of a dataset with a codec, every value is decoded.\n"
        "Prints a line for each problem and for each repair. The exit code is 4 if problems are left.\n\n"
        "Example:\n  accrete verify flights\n  accrete verify --repair flights\n");
  }

  void run(Program& program) const {
    const VerifyReport report = verify(path_, {.repair = repair_});
    Output& out = program.out();
    for (const std::string& repair : report.repairs) out.write("repaired: " + repair + "\n");
    for (const std::string& problem : report.problems) out.write("problem: " + problem + "\n");
    if (report.problems.empty()) {
      out.write("ok: " + counted(report.counted.keys, "key") + ", " + counted(report.counted.bytes, "byte") + "\n");
      return;
    }
    out.flush();
    Program::say(counted(report.problems.size(), "problem") + " in " + accrete::quoted(path_));
    program.end_with(ExitCode::failed);
  }

 private:
  std::string path_;
  bool repair_ = false;
};

class SweepArguments {
 public:
  void add_to(CLI::App& command) {
    add_path(command, "DIR", path_, "Directory that holds temporary datasets");
    command.footer(
        "Removes the temporary datasets whose owner is dead, and what interrupted creations left. Prints their "
        "paths.\n\n"
        "Example:\n  accrete sweep /tmp\n");
  }

  void run(Program& program) const {
    for (const std::string& removed : sweep(path_)) program.out().write(escape(removed) + "\n");
  }

 private:
  std::string path_;
};

}  // namespace

void add_create_command(CLI::App& app, Program& program) {
  add_command<CreateArguments>(app, program, "create", "Create an empty dataset");
}

void add_drop_command(CLI::App& app, Program& program) {
  add_command<DropArguments>(app, program, "drop", "Remove all keys; the dataset stays");
}

void add_destroy_command(CLI::App& app, Program& program) {
  add_command<DestroyArguments>(app, program, "destroy", "Remove a dataset and its directory");
}

void add_verify_command(CLI::App& app, Program& program) {
  add_command<VerifyArguments>(app, program, "verify", "Check a dataset and say in words what is wrong");
}

void add_sweep_command(CLI::App& app, Program& program) {
  add_command<SweepArguments>(app, program, "sweep", "Remove temporary datasets that were left behind");
}

}  // namespace accrete::cli
