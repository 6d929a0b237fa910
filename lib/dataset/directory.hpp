// The directory of a dataset, and what it must be fit for.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "dataset/marker.hpp"
#include "os/env.hpp"

namespace accrete {

/// Reads and checks the marker. Throws NotFoundError if there is none.
[[nodiscard]] Marker load_marker(Directory& directory);

/// False as well if there is none. It may be of another version.
[[nodiscard]] bool has_whole_marker(Directory& directory);

/// Opens the directory of a dataset. Throws NotFoundError if there is none.
[[nodiscard]] std::unique_ptr<Directory> open_dataset_directory(Env& env, const std::string& path);

/// Throws UnsupportedError if the directory is on a file system whose locks may not reach everybody who sees its files,
/// and that is not among `trusted`.
void refuse_unreachable_locks(const Directory& directory, std::span<const std::string> trusted = {});

/// Throws UnsupportedError if the directory, which has a lock file, takes names that differ in case for one.
void refuse_case_folding(const Directory& directory);

}  // namespace accrete
