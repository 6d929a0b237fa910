// The table of writers, `.writers`: the highest sequence that each writer has had applied.
//
//   writers = header *slot
//   header  = magic:8 version:u32 check:u32 secret:u64 reuses:u64 forgotten:u64 *0
//                                                                   ; check: the lower half of the XXH3-64 of `secret`
//   slot    = writer:16 sequence:u64 checksum:u64                   ; XXH3-64 of the 24 bytes before it
//   writer  = what a user has given / secret:u64 hash:u64           ; a client's session: the XXH3-64 of its id, seeded
//                                                                   ; with `secret`, and not 0
//           / random:8 stamp:4 check:4                              ; of an id of a client's own making:
//                                                                   ; base/own_writer.hpp
//           / secret:u64 0:u64                                      ; the slot is free
//
// `secret` is random, and is nowhere but in the dataset's own files. So nobody who can only append can say an
// id that is taken for that of another client's session.
//
// The control file counts the slots in use; what follows them is left over from changes that were taken back. Slots are
// aligned to their size, so that none straddles two pages and a write of one is never torn by a kill. What a user has
// given is kept for ever. Sessions and what clients make for themselves pass: their slots are free once their clients
// have said goodbye; of clients that died, max_passing writers are remembered, those whose batches are the latest, as
// far as it is known. `reuses` rises before a slot goes from one writer to another, so that processes that have read
// the table before read it anew. `forgotten` is random at first and rises before a passing writer loses its slot to
// another. So a batch of a writer that is not known has certainly not been applied as long as `forgotten` is what it
// was when that writer began.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.hpp"
#include "os/env.hpp"

namespace accrete {

class Writers {
 public:
  static constexpr std::uint64_t slot_size = 32;
  static constexpr std::uint64_t header_size = 64;  // so that slots are aligned
  static constexpr std::size_t max_passing = 4096;

  Writers(Directory& directory, bool read_only) noexcept : directory_(directory), read_only_(read_only) {}

  struct Found {
    std::uint64_t slot = 0;
    std::uint64_t sequence = 0;
  };
  /// Other processes may have changed the table since it was last looked at.
  void expect_changes() noexcept { may_be_changed_ = true; }
  /// Another file may have taken its place.
  void forget_file() noexcept;

  /// `count` is that of the control file. Throws CorruptionError.
  [[nodiscard]] std::optional<Found> find(const WriterId& writer, std::uint64_t count);

  /// Where a writer that was just looked for in vain is to be stored: in a free slot, in that of the passing
  /// writer that was stored last before all others if there are too many, or after the last.
  [[nodiscard]] std::uint64_t new_slot(const WriterId& writer, std::uint64_t count) const;

  void store(std::uint64_t slot, const BatchId& id);

  /// Takes a change of a slot back; nullopt: it was not the writer's. `count` is that of before.
  void restore(std::uint64_t slot, std::optional<std::uint64_t> old_sequence, std::uint64_t count);

  /// The writer, if it is there, will not come again.
  void forget(const WriterId& writer, std::uint64_t count);

  /// The last sequence of each session that is remembered.
  [[nodiscard]] std::vector<BatchId> sessions(std::uint64_t count);
  /// As it stands in the header; 0 if there is no file.
  [[nodiscard]] std::uint64_t forgotten();
  /// What a session's writer is made with; makes the file if there is none. Needs the lock exclusively.
  [[nodiscard]] std::uint64_t secret();

  /// The front of a file.
  [[nodiscard]] static std::string encode_header(std::uint64_t secret, std::uint64_t forgotten);

  /// How many slots from the first on are whole: what the count must be when the control file has lost it. Throws
  /// CorruptionError for one after them in which there is something else.
  [[nodiscard]] std::uint64_t count_whole();

  /// Makes free slots of those that are damaged, whose writers nobody knows. Returns how many. For a repair.
  std::uint64_t free_damaged();

 private:
  struct Hash {
    std::size_t operator()(const WriterId& writer) const noexcept;
  };

  /// nullptr if no batch has had an id yet.
  [[nodiscard]] File* try_file();
  void make_file();
  [[nodiscard]] std::optional<BatchId> try_load(std::uint64_t slot);
  [[nodiscard]] BatchId load(std::uint64_t slot);
  [[nodiscard]] bool is_damaged(std::uint64_t slot) const;
  [[noreturn]] void throw_damaged_slot(std::uint64_t slot) const;
  void load_slots(std::uint64_t count);
  void forget_slots() noexcept;
  void take_in(std::uint64_t slot, const WriterId& writer);
  void take_over(std::uint64_t slot);
  void note_reuse();
  void note_forgotten();
  [[nodiscard]] std::uint64_t load_header_word(std::uint64_t offset) const;
  void store_header_word(std::uint64_t offset, std::uint64_t word);
  [[nodiscard]] WriterId no_writer() const noexcept;
  [[nodiscard]] bool is_session(const WriterId& writer) const noexcept;
  [[nodiscard]] bool is_passing(const WriterId& writer) const noexcept;

  Directory& directory_;
  bool read_only_;
  std::unique_ptr<File> file_;
  bool has_header_ = false;  // in whole
  std::uint64_t secret_ = 0;
  // Of the first loaded_ slots:
  std::unordered_map<WriterId, std::uint64_t, Hash> slots_;
  std::vector<std::uint64_t> free_;
  std::deque<std::uint64_t> passing_;  // those that were stored last stand last, as far as it is known
  std::uint64_t loaded_ = 0;
  std::uint64_t reuses_ = 0;
  bool may_be_changed_ = false;
};

}  // namespace accrete
