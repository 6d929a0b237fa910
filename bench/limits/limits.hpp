// What this machine can do at most of each thing that a store is made of. Measurements are held against these limits,
// so each is taken with the best practice that is known for it, in the state in which a store would find it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace bench {

struct Limit {
  std::string name;
  std::string unit;  ///< "bytes/s", "1/s" or "s"
  std::function<double()> measure;
};
using Limits = std::vector<Limit>;

Limits memory_limits();
/// Their files are made in `directory`.
Limits file_limits(const std::filesystem::path& directory);
Limits message_limits();
/// One for each codec of this build, over the bytes of a file; none without a file.
Limits codec_limits(const std::filesystem::path& text);

}  // namespace bench
