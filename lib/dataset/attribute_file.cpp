#include "dataset/attribute_file.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "dataset/sync_or_note.hpp"

namespace accrete {

Attributes load_attributes(Directory& directory) {
  const std::unique_ptr<File> file = directory.try_open(attributes_name, OpenMode::read);
  if (!file) return {};
  // One byte too many tells that it is too large.
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(file->size(), max_encoded_attributes_size + 1)),
                    '\0');
  bytes.resize(file->read_at(0, bytes));
  return Attributes::decode(bytes, directory.path() + "/" + attributes_name);
}

bool change_attribute(Directory& directory, std::string_view name, std::optional<std::string_view> value,
                      const AttributeOptions& options, const std::function<void()>& note_failed_sync) {
  Attributes attributes = load_attributes(directory);
  if (!attributes.meets(name, options)) return false;
  if (attributes.set(name, value)) replace_whole(directory, attributes_name, mended_name, attributes.encode());
  // Also of what is so already: who has set it may have died before he could.
  sync_or_note(directory, note_failed_sync);
  return true;
}

void verify_attributes(Directory& directory, bool repair, VerifyReport& report) {
  try {
    (void)load_attributes(directory);
  } catch (const UnsupportedError& error) {
    report.problems.emplace_back(error.what());
  } catch (const CorruptionError& error) {
    if (!repair) {
      report.problems.emplace_back(error.what());
      return;
    }
    directory.rename(attributes_name, damaged_attributes_name);
    directory.sync();
    report.repairs.push_back(std::string(error.what()) + ": it was set aside as " + damaged_attributes_name +
                             ", and the dataset has no attributes any more");
  }
}

}  // namespace accrete
