// The journal, `.journal`: what makes a synced batch survive power loss with one fdatasync, however many keys it has.
//
//   journal = header *record *OCTET
//   header  = magic:8 version:u32 0:u32 nonce:u64 checksum:u64   ; XXH3-64 of the 24 bytes before it
//   record  = size:u64 checksum:u64 payload                     ; XXH3-64 of the payload, seeded with nonce + offset
//   payload = id count:u32 1*entry
//   id      = %x00 / %x01 writer:16 sequence:u64
//   entry   = key_size:u16 existed:u8 old_size:u64 bytes_size:u64 key bytes
//
// A record is written and synced before its entries are appended to the values, whose files are not synced. A
// checkpoint syncs the file system and starts the journal anew under another nonce, so that the records of before are
// none any more; once that is synced, they are overwritten in place. It ends at the first record whose checksum does
// not match; a payload cannot forge one, since it does not know the nonce. After power loss, replaying the records in
// order restores all that the values lost since the checkpoint: each entry says at which offset its bytes stand.
// Rejected: syncing each value (one fdatasync a key), and syncing the file system every time (it writes one block and
// one inode a key).
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/env.hpp"

namespace accrete {

struct JournalEntry {
  std::string_view key;
  std::optional<std::uint64_t> old_size{};  ///< nullopt: the key is new
  std::string_view bytes;
};

struct JournalRecord {
  std::optional<BatchId> id{};
  std::vector<JournalEntry> entries{};
};

/// Views in the result point into `payload`. Throws CorruptionError.
[[nodiscard]] JournalRecord decode_journal_payload(std::string_view payload);

/// Builds a payload entry by entry, so that bytes are copied once.
class JournalPayload {
 public:
  JournalPayload(const std::optional<BatchId>& id, std::uint32_t entry_count);
  /// Followed by `add_bytes` of `bytes_size` bytes altogether.
  void add_entry(std::string_view key, std::optional<std::uint64_t> old_size, std::uint64_t bytes_size);
  /// Of an entry within the payload.
  [[nodiscard]] static std::uint64_t size_of(std::string_view key, std::uint64_t bytes_size) noexcept {
    return 2 + 1 + 8 + 8 + key.size() + bytes_size;
  }
  void add_bytes(std::string_view bytes) { payload_ += bytes; }
  [[nodiscard]] const std::string& str() const noexcept { return payload_; }

 private:
  std::string payload_;
};

class Journal {
 public:
  static constexpr std::uint64_t header_size = 32;
  static constexpr std::uint64_t record_header_size = 16;
  static constexpr std::uint64_t default_size_limit = 64 << 20;
  static constexpr std::uint64_t smallest_size_limit = 64 << 10;

  /// Beyond `size_limit` nothing is to be written. `note_failed_sync` is called when one of its syncs has failed.
  Journal(Directory& directory, std::uint64_t size_limit, std::function<void()> note_failed_sync) noexcept
      : directory_(directory), size_limit_(size_limit), note_failed_sync_(std::move(note_failed_sync)) {}

  [[nodiscard]] std::uint64_t size_limit() const noexcept { return size_limit_; }

  /// The nonce; nullopt if there is no journal or its header is not whole.
  [[nodiscard]] std::optional<std::uint64_t> load_nonce() const;

  /// Starts the journal anew, without records or with one, and syncs it. Returns its end.
  std::uint64_t restart(std::uint64_t nonce, std::string_view payload = {});

  /// Writes a record at the end and syncs it. Returns the new end.
  std::uint64_t append(std::uint64_t nonce, std::uint64_t end, std::string_view payload);

  /// Makes the record at `offset` none, if there is one in whole, and syncs that.
  void invalidate(std::uint64_t nonce, std::uint64_t offset);

  /// The payload of the record at `offset`; nullopt if there is none.
  [[nodiscard]] std::optional<std::string> load(std::uint64_t nonce, std::uint64_t offset) const;

  [[nodiscard]] static std::uint64_t record_size(std::string_view payload) noexcept {
    return record_header_size + payload.size();
  }

  /// Another file may have taken its place.
  void forget_file() noexcept { file_.reset(); }

 private:
  File& writable();
  void write_synced(std::uint64_t offset, std::string_view bytes);
  void sync_name();
  [[nodiscard]] std::unique_ptr<File> try_readable() const;

  Directory& directory_;
  const std::uint64_t size_limit_;
  const std::function<void()> note_failed_sync_;
  std::unique_ptr<File> file_;  // opened for the first write
};

}  // namespace accrete
