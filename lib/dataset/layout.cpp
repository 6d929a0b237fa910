#include "dataset/layout.hpp"

#include <algorithm>

#include "base/escape.hpp"
#include "dataset/names.hpp"

namespace accrete {
namespace {

std::string names_of(Layouts layouts) {
  std::string names;
  for (const Layout* const layout : layouts) {
    names += (names.empty() ? "'" : ", '") + std::string(layout->name()) + "'";
  }
  return names;
}

const Layout* try_find(std::string_view name, Layouts layouts) {
  const auto found = std::ranges::find(layouts, name, [](const Layout* layout) { return layout->name(); });
  return found == layouts.end() ? nullptr : *found;
}

}  // namespace

void Layout::check_adoptable(Directory& directory, const std::optional<Codec>&) const {
  throw UnsupportedError("cannot adopt " + quoted(directory.path()) + ": the layout " + quoted(name()) +
                         " cannot take files over; create a dataset and append them");
}

void Layout::take_over(Env&, const DatasetDirectory&) const {}

std::unique_ptr<DirectReader> Layout::try_open_directly(DatasetDirectory) const { return nullptr; }

std::optional<std::string> Layout::describe_if_linked_copy(Directory&) const { return std::nullopt; }

const Layout& find_layout(std::string_view name, Layouts layouts) {
  if (const Layout* const found = try_find(name, layouts)) return *found;
  throw InvalidArgumentError("there is no layout " + quoted(name) + "; there is " + names_of(layouts));
}

const Layout& layout_of(const Marker& marker, const Directory& directory, Layouts layouts) {
  if (const Layout* const found = try_find(marker.layout, layouts)) return *found;
  throw UnsupportedError("the dataset " + quoted(directory.path()) + " has the layout " + quoted(marker.layout) +
                         ", which this version of accrete does not know (it knows " + names_of(layouts) + ")");
}

void refuse_living_owner(const Layout& layout, Directory& directory) {
  if (const std::optional<Process> owner = layout.owner(directory)) refuse_living_owner(directory, *owner);
}

void refuse_living_owner(const Directory& directory, const Process& owner) {
  if (owner.number == 0 || !directory.is_locked_by(lock_name, owner)) return;
  throw LockedError("cannot use " + quoted(directory.path()) + ": process " + std::to_string(owner.number) +
                    " has the dataset for itself, by a lock that does not reach this process on the file system " +
                    quoted(directory.file_system().name) +
                    "; use the dataset where that process does, or by the endpoint of its server");
}

}  // namespace accrete
