// The control file, `.control`: the few words that all processes of a dataset share under its lock.
//
//   control = header inline [spilled]
//   header  = magic:8 version:u32 0:u32 boots owner home:u64 words state:u32 failed_sync:u32 before
//             intent_size:u64 intent_checksum:u64 *0
//   boots   = epoch:i64 uptime:u64 4*id:16
//   owner   = process:u64 start:u64 pid_namespace:u64
//   before  = words                                 ; as they were when the change in progress began
//   words   = keys:u64 bytes:u64 commits:u64 removals:u64 writers:u64 journal_nonce:u64 journal_end:u64
//             seal:8
//   seal    = unsynced:u8 layered:u8 destroyed:u8 0:u8 check:u32
//   inline  = the intent record (intent.hpp), if it has up to inline_capacity bytes
//   spilled = the intent record, if it is larger
//
// `boots` tells whether the system has been started anew since; `owner` is the process that has the dataset for itself,
// zeros for none; `home` is the inode of the dataset's directory; `failed_sync` is 0x6996C33C once a sync has
// failed, and what it was to cover may be gone; else 0.
//
// The header is within 512 bytes, a sector, so power loss leaves an old or a new one. The file is never
// extended under a change (but for a spilled record, which is written by system calls before anything is changed), so
// nothing written to it can hit a full disk. A change is: before, record, state; …; words, state `idle`. The state is
// the commit point, and until it is `idle` again `before` counts, since a kill may have torn `words`; the checksum
// (XXH3-64 of the record) guards against damage, not against a torn write. So does the check of `writers` and what
// follows it in the words (`seal_of` in control.cpp), without which batches would be doubled or lost in silence. Words
// that are torn never count, so who has the lock and finds that it does not match has found damage. The states differ
// in so many bits that a few flipped ones make none of another.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dataset/boot_witness.hpp"
#include "os/env.hpp"
#include "os/process.hpp"

namespace accrete {

enum class ChangeState : std::uint32_t {
  idle = 0,
  intent = 0x5AA55AA5,   ///< the intent record tells what to do
  journal = 0xC33CC33C,  ///< the journal's record at journal_end is to be applied, if it is whole
};

/// What a process reads first when it has the lock, and stores last before it lets go of it.
struct ControlWords {
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  std::uint64_t commits = 0;   ///< rises with every change: if it has not, what a process remembers still holds
  std::uint64_t removals = 0;  ///< rises when files are removed: if it has, descriptors may be of removed files
  std::uint64_t writers = 0;   ///< slots of `.writers` that are in use
  std::uint64_t journal_nonce = 0;
  std::uint64_t journal_end = 0;  ///< 0: there is no journal
  bool unsynced = false;          ///< changes were made that power loss may take back
  bool layered = false;           ///< a layer keeps something in the directory (dataset/layer_recovery.hpp)
  bool destroyed = false;
};

class Control {
 public:
  static constexpr std::size_t file_size = std::size_t{64} * 1024;
  static constexpr std::size_t header_size = 512;
  static constexpr std::size_t inline_capacity = file_size - header_size;

  /// The contents of a new file.
  [[nodiscard]] static std::string initial(const Boots& boots, const ControlWords& words = {},
                                           bool has_failed_sync = false);

  /// Throws CorruptionError if the file is missing, cut short or not one of ours.
  Control(Directory& directory, bool read_only);

  struct Header {
    Boots boots{};
    Process owner{};
    std::uint64_t home = 0;
    ControlWords words{};  ///< of a change in progress: as they were before it
    ChangeState state = ChangeState::idle;
  };
  /// For who has the lock, at least shared. Throws CorruptionError if what counts of it is damaged.
  [[nodiscard]] Header load() const;
  /// As above, for who has called that since the file was opened: looks for no damage to the words.
  [[nodiscard]] Header load_unchecked() const;

  /// For who has no lock, as all of these.
  [[nodiscard]] Process load_owner() const;
  [[nodiscard]] std::uint64_t load_home() const;
  /// On any thread: the number of removals, all of which are done; nullopt if one may be in
  /// progress.
  [[nodiscard]] std::optional<std::uint64_t> try_load_removals() const;

  /// The record of the change in progress. Throws CorruptionError if it is not what was published.
  [[nodiscard]] std::string load_intent() const;

  void begin_intent(const ControlWords& before, std::string_view record);
  void begin_journal(const ControlWords& before);
  /// Takes back begin_…: nothing has been changed.
  void cancel();
  void commit(const ControlWords& words);
  /// Other words without a change of anything else; ends the change in progress, if there is one.
  void set_words(const ControlWords& words);
  void set_boots(const Boots& boots);
  void set_owner(const Process& owner);
  void set_home(std::uint64_t directory);
  /// For who has no lock: whether a sync has failed.
  [[nodiscard]] bool has_failed_sync() const;
  /// For who has no lock, whatever change is in progress. Does nothing if the file may only be read, or cannot be
  /// written.
  void note_failed_sync() noexcept;
  /// All that was to be synced has been written anew, and is.
  void forget_failed_sync();
  /// Makes the header survive power loss. Notes it if that fails.
  void sync();
  /// How many names the file has: more than one, if its directory was copied by links.
  [[nodiscard]] std::uint64_t links() const { return bytes_->info().links; }

 private:
  /// What stands in the header of an intent record.
  struct IntentSeal {
    std::uint64_t size = 0;
    std::uint64_t checksum = 0;
  };
  [[nodiscard]] IntentSeal load_intent_seal() const;
  [[nodiscard]] std::string load_inline_intent(const IntentSeal& seal) const;
  [[nodiscard]] std::string load_spilled_intent(const IntentSeal& seal) const;
  void check_intent(std::string_view record, const IntentSeal& seal) const;
  [[nodiscard]] bool is_append_intent() const;
  [[nodiscard]] ChangeState load_state() const;
  [[nodiscard]] ControlWords load_words(ChangeState state) const;
  void set_state(ChangeState state);
  File& spill_file() const;

  Directory& directory_;
  const bool read_only_;
  std::unique_ptr<SharedBytes> bytes_;
  mutable std::unique_ptr<File> spill_file_;  // opened when a record is first too large
};

}  // namespace accrete
