// Checking values of frames (codec/frame.hpp) in their files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "os/env.hpp"

namespace accrete {

struct FrameCheck {
  std::uint64_t decoded_bytes = 0;      ///< of the values that are whole
  std::vector<std::string> problems{};  ///< a sentence for each value that is not
};

/// Decodes every value of a dataset, under its lock, in memory for one frame.
[[nodiscard]] FrameCheck check_frames(Directory& directory);

}  // namespace accrete
