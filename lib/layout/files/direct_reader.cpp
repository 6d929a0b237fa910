#include "layout/files/direct_reader.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "base/escape.hpp"
#include "base/key_name.hpp"
#include "dataset/marker.hpp"
#include "layout/files/control.hpp"
#include "layout/files/value_snapshot.hpp"
#include "os/uuid.hpp"

namespace accrete {

namespace {

class FilesReader final : public DirectReader {
 public:
  FilesReader(std::shared_ptr<Directory> directory, const std::array<std::byte, 16>& dataset)
      : directory_(std::move(directory)), dataset_(dataset), control_(*directory_, true) {}

  std::optional<std::vector<std::string>> try_read(std::span<const std::string_view> keys,
                                                   LocatedValues located) const override {
    if (located.values.size() != keys.size()) return std::nullopt;
    const bool has_files =
        std::any_of(located.values.begin(), located.values.end(), [](const auto& value) { return value.in_file > 0; });
    if (has_files && located.dataset != dataset_) {
      is_of_use_ = false;  // another dataset is served there now
      return std::nullopt;
    }
    std::vector<std::string> values;
    values.reserve(keys.size());
    try {
      for (std::size_t i = 0; i < keys.size(); ++i) {
        LocatedValues::Value& value = located.values[i];
        if (value.in_file > 0) read(keys[i], value);
        values.push_back(std::move(value.rest));
      }
      // After the last file that was opened: one that had been begun anew before is betrayed by the removal.
      if (has_files && control_.try_load_removals() != located.removals) return std::nullopt;
    } catch (const IoError& error) {
      if (error.code().value() == EACCES || error.code().value() == EPERM) is_of_use_ = false;
      return std::nullopt;
    } catch (const CorruptionError&) {
      return std::nullopt;
    }
    return values;
  }

  bool is_of_use() const noexcept override { return is_of_use_; }

 private:
  /// Puts what is in the file before the rest.
  void read(std::string_view key, LocatedValues::Value& value) const {
    const ValueSnapshot snapshot{.file = directory_->try_open(key_to_name(key), OpenMode::read), .size = value.in_file};
    if (!snapshot.file)
      throw CorruptionError("the value of key " + quoted(key) + " is not where its owner has located it");
    std::string bytes = read_value(key, snapshot, 0, value.in_file, value.rest.size());
    bytes += value.rest;
    value.rest = std::move(bytes);
  }

  const std::shared_ptr<Directory> directory_;
  const std::array<std::byte, 16> dataset_;
  const Control control_;
  mutable std::atomic<bool> is_of_use_ = true;
};

}  // namespace

std::unique_ptr<DirectReader> try_open_files_directly(DatasetDirectory dataset) {
  const auto uuid = parse_uuid(dataset.marker.uuid);
  if (!uuid || dataset.marker.codec) return nullptr;
  try {
    return std::make_unique<FilesReader>(std::move(dataset.directory), *uuid);
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace accrete
