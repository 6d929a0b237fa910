// Datasets of the `files` layout: one raw file a key.
//
//   dataset/.accrete   the marker (marker.hpp)
//          /.lock      the lock (dataset_lock.hpp); empty
//          /.control   what the processes share (control.hpp), with the intent of a change in progress (intent.hpp)
//          /.journal   synced batches since the last checkpoint (journal.hpp); once there was one
//          /.writers   the highest sequence of each writer (writers.hpp); once there was one
//          /.buffer-0  the journal of a buffer (buffer_journal.hpp); while there is one, or after one died
//          /.buffer-1
//          /.mended    a value that is being written anew (check_frames.hpp, linked_files.hpp); else left over from
//          that
//          /.owner     in a temporary dataset; empty, locked by its owner
//          /x          the raw value of key x (key_name.hpp)
//
// A batch: lock; old sizes; intent; appends, one `write` a key; totals; intent cleared; unlock. Whoever takes the lock
// and finds an intent rolls it back first. A synced batch has a journal record instead of an intent and is rolled
// forward.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>
#include <string>

#include "dataset/marker.hpp"
#include "os/env.hpp"

namespace accrete {

void create_files(Env& env, const std::string& path, const CreateOptions& options);

/// A dataset whose marker says `temporary`, with an `.owner` that this process has locked when it appears at `path`.
/// Returns that lock; the dataset is alive as long as it is held.
[[nodiscard]] std::shared_ptr<DatasetLock> create_temporary_files(Env& env, const std::string& path);

/// The bytes of a dataset's files: of one with a codec, the frames.
class Files : public Store {
 public:
  [[nodiscard]] virtual const Marker& marker() const noexcept = 0;
};

[[nodiscard]] std::unique_ptr<Files> open_files(Env& env, const std::string& path, const OpenOptions& options);

/// A dataset that nobody else can use as long as this object lives.
class OwnedFiles : public Files {
 public:
  [[nodiscard]] virtual Directory& directory() noexcept = 0;

  /// Takes back or completes what a change that failed has left. Throws where that cannot be done now: then nobody
  /// knows yet what has become of it.
  virtual void end_unfinished_change() = 0;

  /// Bytes of a value's file; nullopt if there is none. Without the lock: nothing may be changing the value, and what
  /// a change that failed has left of it must have been taken back.
  [[nodiscard]] virtual std::optional<std::uint64_t> stored_size(std::string_view key) const = 0;

  /// The last sequence of each client's session that is remembered, by the session's writer (writers.hpp).
  [[nodiscard]] virtual std::vector<BatchId> session_sequences() const = 0;

  /// What tells whether writers have been forgotten since (writers.hpp).
  [[nodiscard]] virtual std::uint64_t forgotten_writers() const = 0;

  /// What the writers of clients' sessions are made with (writers.hpp).
  [[nodiscard]] virtual std::uint64_t session_secret() = 0;

  /// No batch of this writer will come again: `last` was the last.
  virtual void forget_writer(const BatchId& last) = 0;

  /// Whether the dataset's owner keeps the journal of a buffer there (buffer_journal.hpp). If the owner dies with it,
  /// the next to open the dataset replays it.
  virtual void set_buffered(bool buffered) = 0;

  /// A sync of a file of the dataset has failed: no sync of the dataset counts until a repair has written all again.
  virtual void note_failed_sync() noexcept = 0;

  /// Whether one has. Without the lock.
  [[nodiscard]] virtual bool has_failed_sync() const = 0;

  /// Throws if one has. Without the lock.
  virtual void check_no_sync_failed() const = 0;
};

/// Throws LockedError if others use the dataset for longer than options.lock_timeout. In a forked child all of its
/// calls throw that, too: the dataset is the parent's.
[[nodiscard]] std::unique_ptr<OwnedFiles> open_owned_files(Env& env, const std::string& path,
                                                           const OpenOptions& options);

void destroy_files(Env& env, const std::string& path);

[[nodiscard]] std::vector<std::string> sweep_files(Env& env, const std::string& dir);

[[nodiscard]] VerifyReport verify_files(Env& env, const std::string& path, const VerifyOptions& options);

}  // namespace accrete
