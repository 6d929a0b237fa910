// Datasets of the `files` layout: one raw file a key.
//
//   dataset/.accrete   the marker (marker.hpp)
//          /.lock      the lock (dataset_lock.hpp); empty
//          /.control   what the processes share (control.hpp), with the intent of a change in progress (intent.hpp)
//          /.journal   synced batches since the last checkpoint (journal.hpp); once there was one
//          /.writers   the highest sequence of each writer (writers.hpp); once there was one
//          /.buffer-0  of a layer over it (dataset/layer_recovery.hpp): the journal of a buffer, or what one has left
//          /.buffer-1
//          /.mended    a file that is written anew to take the place of another (check_frames.hpp,
//                      dataset/replace_file.hpp); else left over from that
//          /.owner     in a temporary dataset; empty, locked by its owner
//          /x          the raw value of key x (key_name.hpp)
//
// A batch: lock; old sizes; intent; appends, one `write` a key; totals; intent cleared; unlock. Whoever takes the lock
// and finds an intent rolls it back first. A synced batch has a journal record instead of an intent and is rolled
// forward.
#pragma once

#include <string_view>

#include "dataset/layout.hpp"

namespace accrete {

inline constexpr std::string_view files_layout_name = "files";

[[nodiscard]] const Layout& files_layout() noexcept;

}  // namespace accrete
