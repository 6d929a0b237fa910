// Checking values of frames (codec/frame.hpp) in their files, and cutting off or out of them what is no frame.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "layout/files/dataset_files.hpp"
#include "os/env.hpp"

namespace accrete {

struct FrameCheck {
  std::uint64_t decoded_bytes = 0;      ///< of all whole frames
  std::vector<std::string> problems{};  ///< a sentence for each value that is not whole
  std::vector<std::string> repairs{};   ///< a sentence for each value that was mended
  std::exception_ptr unreadable{};      ///< the IoError of the first value that could not be read: a problem, too
};

/// Decodes every value of a dataset, under its lock, in memory for one frame. With `repair`, what is no whole frame is
/// cut out of the values, which needs the lock exclusively. The caller has emptied the journal and had others forget
/// the files that they have open; it counts the values when this returns, and makes them survive power loss.
[[nodiscard]] FrameCheck check_frames(Directory& directory, bool repair);

/// Changes nothing, and passes over what the recovery after a power loss will mend: it writes what is `replayed` once
/// more, and cuts torn tails off that stand after it.
[[nodiscard]] FrameCheck check_frames_before_recovery(Directory& directory, const Replayed& replayed);

/// After power loss, a value may end in a part of a frame, or in zero bytes, of what was not synced. Cuts that off, so
/// that what is appended next can be read. Other damage stays as it is. Needs the lock exclusively; reads headers, and
/// the last frame of each value. What is cut off stays off when power fails again, or
/// `note_failed_sync` is called.
void cut_torn_tails(Directory& directory, const std::function<void()>& note_failed_sync);

/// Whether the file begins with the header of a frame.
[[nodiscard]] bool begins_with_frame(const File& file);

}  // namespace accrete
