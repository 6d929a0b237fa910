// Descriptors and threads that a process may still have, for those who must not begin what they cannot finish.
#pragma once

#include <cstddef>
#include <string>

namespace accrete {

/// Takes so many descriptors and threads, all at once, and gives them back. Returns what is lacking, for a message; ""
/// if nothing is. Another thread may take them right afterwards.
[[nodiscard]] std::string lacking_resources(std::size_t descriptors, std::size_t threads);

}  // namespace accrete
