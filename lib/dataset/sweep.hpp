// Removing the temporary datasets whose owner is dead, and what interrupted creations and destroys have left.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dataset/layout.hpp"

namespace accrete {

/// How the names of temporary datasets begin.
inline constexpr std::string_view temporary_prefix = "accrete-";

/// Returns the paths of what it has removed from the directory `dir`.
[[nodiscard]] std::vector<std::string> sweep_datasets(Env& env, const std::string& dir, Layouts layouts);

}  // namespace accrete
