#include "dataset/names.hpp"

#include <algorithm>
#include <vector>

#include "dataset/replace_file.hpp"

namespace accrete {
namespace {

using Adopted = OwnName::Adopted;
using Destroyed = OwnName::Destroyed;
using Separated = OwnName::Separated;

// Journals go before what says that the dataset is being destroyed, and that before the rest: what is left of a destroy
// that was interrupted must hand nothing down.
constexpr std::array table{
    OwnName{mended_name, Adopted::removed, Destroyed::at_once, Separated::kept, false},
    OwnName{staged_marker_name, Adopted::removed, Destroyed::at_once, Separated::kept, false},
    OwnName{staged_control_name, Adopted::removed, Destroyed::at_once, Separated::kept, false},
    OwnName{socket_name, Adopted::removed, Destroyed::at_once, Separated::removed, false},
    OwnName{staged_server_name, Adopted::removed, Destroyed::at_once, Separated::removed, false},
    OwnName{server_name, Adopted::removed, Destroyed::at_once, Separated::removed, false},
    OwnName{buffer_journal_names[0], Adopted::taken_over, Destroyed::at_once, Separated::copied, true},
    OwnName{buffer_journal_names[1], Adopted::taken_over, Destroyed::at_once, Separated::copied, true},
    OwnName{damaged_buffer_names[0], Adopted::kept, Destroyed::at_once, Separated::kept, false},
    OwnName{damaged_buffer_names[1], Adopted::kept, Destroyed::at_once, Separated::kept, false},
    OwnName{attributes_name, Adopted::kept, Destroyed::at_once, Separated::kept, false},
    OwnName{damaged_attributes_name, Adopted::kept, Destroyed::at_once, Separated::kept, false},
    OwnName{writers_name, Adopted::taken_over, Destroyed::at_once, Separated::copied, true},
    OwnName{journal_name, Adopted::taken_over, Destroyed::at_once, Separated::removed, true},
    OwnName{owner_name, Adopted::removed, Destroyed::at_once, Separated::removed, false},
    OwnName{control_name, Adopted::taken_over, Destroyed::at_once, Separated::renewed, false},
    OwnName{marker_name, Adopted::refused, Destroyed::with_directory, Separated::renewed, false},
    OwnName{lock_name, Adopted::kept, Destroyed::with_directory, Separated::renewed, false},
};

}  // namespace

std::span<const OwnName> own_names() noexcept { return table; }

const OwnName* find_own_name(std::string_view name) noexcept {
  for (const OwnName& own : table) {
    if (own.name == name) return &own;
  }
  return nullptr;
}

std::vector<std::string> foreign_dot_names(const Directory& directory) {
  std::vector<std::string> foreign;
  for (DirectoryEntry& entry : directory.entries("")) {
    if (entry.name.starts_with('.') && !find_own_name(entry.name)) foreign.push_back(std::move(entry.name));
  }
  std::ranges::sort(foreign);
  return foreign;
}

std::vector<std::string> shared_own_names(const Directory& directory) {
  std::vector<std::string> shared;
  for (const OwnName& own : table) {
    if (own.is_copied_before_write && is_shared(directory, own.name)) shared.emplace_back(own.name);
  }
  return shared;
}

}  // namespace accrete
