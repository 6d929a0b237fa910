// The file of a dataset's attributes (base/attributes.hpp), which each layout has for nothing (dataset.hpp). It is
// there once an attribute was set, and is never written to in place: another takes its place, so that whoever reads it
// finds all attributes as they were at one moment.
#pragma once

#include <accrete/accrete.hpp>
#include <functional>
#include <optional>
#include <string_view>

#include "base/attributes.hpp"
#include "os/env.hpp"

namespace accrete {

/// Empty if there is no file. Throws CorruptionError, or UnsupportedError for a newer format.
[[nodiscard]] Attributes load_attributes(Directory& directory);

/// As Store::set_attribute. Needs the dataset's lock exclusively. `note_failed_sync` is called if the directory cannot
/// be synced: the attribute has its new value then, though this throws.
bool change_attribute(Directory& directory, std::string_view name, std::optional<std::string_view> value,
                      const AttributeOptions& options, const std::function<void()>& note_failed_sync);

/// Adds what is wrong with the file to the report. With `repair`, which needs the dataset's lock exclusively, a damaged
/// file is set aside under another name (names.hpp), and the dataset goes on without attributes.
void verify_attributes(Directory& directory, bool repair, VerifyReport& report);

}  // namespace accrete
