// Measures what this machine can do at most: bench_limits --directory DIR [--text FILE] [--only NAME…]
//
// Prints one JSON object, {"name": {"unit": "bytes/s", "value": 4.2e9}, …}. The files go to a directory of their own in
// DIR, which is removed in the end; they take up to 1 GiB. Without a text there are no limits of codecs.
#include <algorithm>
#include <cmath>
#include <exception>
#include <iostream>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include "limits/limits.hpp"

namespace {

using bench::Limit;
using bench::Limits;
using std::filesystem::path;

struct Usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Arguments {
  path directory{};
  path text{};
  std::set<std::string> only{};
};

Arguments parse(std::span<char*> words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size();) {
    const std::string option = words[i++];
    const auto value = [&] {
      if (i == words.size()) throw Usage(option + " lacks its value");
      return words[i++];
    };
    if (option == "--directory") {
      arguments.directory = value();
    } else if (option == "--text") {
      arguments.text = value();
    } else if (option == "--only") {
      do arguments.only.insert(value());
      while (i < words.size() && !std::string_view(words[i]).starts_with("--"));
    } else {
      throw Usage("there is no option '" + option + "'");
    }
  }
  if (arguments.directory.empty()) throw Usage("--directory is missing");
  if (!std::filesystem::is_directory(arguments.directory)) {
    throw Usage("--directory: '" + arguments.directory.string() + "' is no directory");
  }
  if (!arguments.text.empty() && !std::filesystem::is_regular_file(arguments.text)) {
    throw Usage("--text: '" + arguments.text.string() + "' is no file");
  }
  return arguments;
}

class OwnDirectory {
 public:
  explicit OwnDirectory(const path& parent) : path_(parent / ("limits-" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(path_);
  }
  ~OwnDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  OwnDirectory(const OwnDirectory&) = delete;
  OwnDirectory& operator=(const OwnDirectory&) = delete;

  [[nodiscard]] const path& get() const noexcept { return path_; }

 private:
  path path_;
};

Limits all_limits(const path& directory, const path& text) {
  // Messages first: they fork, and that is cheap as long as there is little memory.
  Limits all = bench::message_limits();
  for (Limits some : {bench::memory_limits(), bench::file_limits(directory), bench::codec_limits(text)}) {
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

Limits chosen_limits(const Limits& all, const std::set<std::string>& only) {
  std::string names;
  std::set<std::string> unknown = only;
  for (const Limit& limit : all) {
    names += " " + limit.name;
    unknown.erase(limit.name);
  }
  if (!unknown.empty()) throw Usage("--only: there is no limit '" + *unknown.begin() + "'; there are:" + names);
  if (only.empty()) return all;
  Limits chosen;
  std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
               [&](const Limit& limit) { return only.contains(limit.name); });
  return chosen;
}

std::string to_json(const Limits& limits) {
  std::ostringstream json;
  const char* separator = "{";
  for (const Limit& limit : limits) {
    const double value = limit.measure();
    if (!std::isfinite(value) || value <= 0) throw std::runtime_error(limit.name + " could not be measured");
    json << separator << '"' << limit.name << R"(": {"unit": ")" << limit.unit << R"(", "value": )" << value << '}';
    separator = ", ";
  }
  json << '}';
  return json.str();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments arguments = parse(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
    const OwnDirectory directory(arguments.directory);
    const Limits all = all_limits(directory.get(), arguments.text);
    std::cout << to_json(chosen_limits(all, arguments.only)) << '\n';
    return 0;
  } catch (const Usage& error) {
    std::cerr << "bench_limits: " << error.what()
              << "\nusage: bench_limits --directory DIR [--text FILE] [--only NAME…]\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "bench_limits: " << error.what() << '\n';
    return 1;
  }
}
