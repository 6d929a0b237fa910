#include "layout/files/recovering_files.hpp"

#include <accrete/error.hpp>
#include <limits>

#include "base/escape.hpp"

namespace accrete {

void RecoveringFiles::end_unfinished_change() {
  open_ = {};
  const Control::Header header = files_.control.load();
  words_ = header.state == ChangeState::idle ? header.words : recover(files_, witness_);
}

std::string RecoveringFiles::do_get(std::string_view key) const {
  return do_get_range(key, 0, std::numeric_limits<std::uint64_t>::max());
}

std::vector<std::string> RecoveringFiles::do_get_batch(std::span<const std::string_view> keys) const {
  std::vector<std::string> values;
  values.reserve(keys.size());
  for (const std::string_view key : keys) values.push_back(do_get(key));
  return values;
}

std::string RecoveringFiles::do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const {
  const ValueSnapshot value = snapshot(key);
  return value.file ? read_value(key, value, offset, size) : std::string{};
}

std::size_t RecoveringFiles::do_get_range_into(std::string_view key, std::uint64_t offset, std::span<char> to) const {
  const ValueSnapshot value = snapshot(key);
  return value.file ? read_value_into(key, value, offset, to) : 0;
}

std::optional<std::uint64_t> RecoveringFiles::do_last_sequence(const WriterId& writer) const {
  const auto found = files_.writers.find(writer, words_.writers);
  return found ? std::optional(found->sequence) : std::nullopt;
}

FilesWriter& RecoveringFiles::writer() {
  open_ = {};
  if (writer_) return *writer_;
  throw ReadOnlyError("cannot change the dataset " + quoted(files_.directory->path()) + ": it is only looked at");
}

ValueSnapshot RecoveringFiles::snapshot(std::string_view key) const {
  if (!open_.value.file || open_.key != key) {
    open_ = {.key = std::string(key), .value = {.file = files_.values.try_open_to_read(key, false)}};
    if (open_.value.file) open_.value.size = open_.value.file->size();
  }
  return open_.value;
}

LayerRecovery::Report recover_layers(DatasetFiles& files, FilesWriter& writer, const BootWitness& witness,
                                     ControlWords& words, Misfit misfit) {
  RecoveringFiles recovering(files, &writer, witness, words);
  LayerRecovery::Report report = files.layers.recover(recovering, misfit);
  writer.set_layered(words, false);
  files.control.sync();
  files.layers.remove_files(*files.directory);
  return report;
}

std::vector<std::string> check_layers(DatasetFiles& files, const BootWitness& witness) {
  ControlWords words = files.control.load().words;
  RecoveringFiles recovering(files, nullptr, witness, words);
  return files.layers.check(recovering);
}

}  // namespace accrete
