// The table of writers, `.writers`: the highest sequence that each writer has had applied.
//
//   writers = header *slot
//   header  = magic:8 version:u32 0:u32
//   slot    = writer:16 sequence:u64 checksum:u64   ; XXH3-64 of the 24 bytes before it
//
// The control file counts the slots in use; what follows them is left over from changes that were taken back. Slots are
// aligned to their size, so that none straddles two pages and a write of one is never torn by a kill.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.hpp"
#include "os/env.hpp"

namespace accrete {

class Writers {
 public:
  static constexpr const char* name = ".writers";
  static constexpr std::uint64_t slot_size = 32;
  static constexpr std::uint64_t header_size = 32;  // padded, so that slots are aligned

  Writers(Directory& directory, bool read_only) noexcept : directory_(directory), read_only_(read_only) {}

  struct Found {
    std::uint64_t slot = 0;
    std::uint64_t sequence = 0;
  };
  /// `count` is that of the control file. Throws CorruptionError.
  [[nodiscard]] std::optional<Found> find(const WriterId& writer, std::uint64_t count);

  /// The last sequence of each writer. Throws CorruptionError.
  [[nodiscard]] std::vector<BatchId> all(std::uint64_t count);

  void store(std::uint64_t slot, const BatchId& id);

  /// Takes a change of a slot back; nullopt: the slot was new.
  void restore(std::uint64_t slot, std::optional<std::uint64_t> old_sequence);

  /// How many slots from the first on are whole: what the count must be when the control file has lost it.
  [[nodiscard]] std::uint64_t count_whole();

 private:
  struct Hash {
    std::size_t operator()(const WriterId& writer) const noexcept;
  };

  /// nullptr if no batch has had an id yet.
  [[nodiscard]] File* try_file();
  [[nodiscard]] std::optional<BatchId> try_load(std::uint64_t slot);
  [[nodiscard]] BatchId load(std::uint64_t slot);

  Directory& directory_;
  bool read_only_;
  std::unique_ptr<File> file_;
  bool has_header_ = false;                                  // in whole
  std::unordered_map<WriterId, std::uint64_t, Hash> slots_;  // of the first loaded_ slots
  std::uint64_t loaded_ = 0;
};

}  // namespace accrete
