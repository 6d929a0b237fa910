// Destroying a dataset of any layout.
#pragma once

#include <string>

#include "dataset/layout.hpp"

namespace accrete {

/// Removes nothing if not all of it can be. One that was interrupted is completed by calling it again, or, once the
/// dataset's name is gone, by a sweep.
void destroy_dataset(Env& env, const std::string& path, Layouts layouts);

}  // namespace accrete
