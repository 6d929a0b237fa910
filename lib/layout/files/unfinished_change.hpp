// What readers see while a change that its writer died in can be neither finished nor taken back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "layout/files/dataset_files.hpp"

namespace accrete {

/// The values as they were before an append; of an erase or a drop, which cannot be taken back, what is left of the
/// key, or no key at all.
class UnfinishedChange {
 public:
  /// Of the change in progress. Needs the dataset's lock.
  /// `same_boot`: power cannot have been lost since it began; else there may be nothing left of what it is.
  [[nodiscard]] static UnfinishedChange load(const DatasetFiles& files, const Control::Header& header, bool same_boot);

  /// How much of a value with a file of `size` bytes counts; nullopt: there is no value.
  [[nodiscard]] std::optional<std::uint64_t> visible_size(std::string_view key, std::uint64_t size) const;

  /// The last sequence that counts of a writer whose slot holds `sequence`; nullopt: it had none before the change.
  [[nodiscard]] std::optional<std::uint64_t> visible_sequence(std::uint64_t slot, std::uint64_t sequence) const;

  [[nodiscard]] bool drops_all() const noexcept { return drops_all_; }

 private:
  void load_intent(const DatasetFiles& files);
  void load_journal(const DatasetFiles& files, const ControlWords& words);
  void set_before(std::string_view key, std::optional<std::uint64_t> size);

  bool drops_all_ = false;
  std::map<std::string, std::optional<std::uint64_t>, std::less<>> before_;
  std::optional<WriterUpdate> writer_;
};

}  // namespace accrete
