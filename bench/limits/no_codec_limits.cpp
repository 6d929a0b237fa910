// Stands for codec_limits.cpp in a build that lacks one of the libraries.
#include "limits/limits.hpp"

namespace bench {

Limits codec_limits(const std::filesystem::path&) { return {}; }

}  // namespace bench
