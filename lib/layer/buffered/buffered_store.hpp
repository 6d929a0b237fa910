// What `buffered` has for the caching server beyond a Store: batches that share one journal write, and the
// sessions of clients.
#pragma once

#include <accrete/accrete.hpp>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dataset/dataset.hpp"

namespace accrete {

/// One batch of those that are applied together. `session` is an id of the connection, not of the user: it keeps a
/// batch that a client sends again from being applied twice, and is forgotten when the client says goodbye.
struct SubmittedBatch {
  std::span<const Entry> entries;
  std::string_view encoded{};  ///< the same, as base/entries.hpp has it; empty if they are not encoded yet
  AppendOptions options{};
  std::optional<BatchId> session{};
  bool has_own_id = false;       ///< options.id is of the client's own making, and no batch has had it before
  std::exception_ptr failure{};  ///< set by append_batches: the batch was not applied
};

class BufferedStore : public Store {
 public:
  /// What an append that has returned survives.
  [[nodiscard]] virtual Durability durability() const noexcept = 0;

  /// Applies the batches in their order, each as append_batch does, but with one journal write and at most one
  /// fdatasync for all. A batch that is refused gets its `failure`; the others are applied all the same. Waits while
  /// memory is full. Sessions are told apart from what users give as ids: no id stands for a session, whatever it says.
  /// To do so it changes them in `batches`.
  virtual void append_batches(std::span<SubmittedBatch> batches) = 0;

  /// The writer by which a client's session is known to last_sequence and its like: one that nobody can say from
  /// outside. Waits for nothing.
  [[nodiscard]] virtual WriterId session_writer(const WriterId& session) const = 0;

  /// The highest sequence of each session that was applied before this store was opened, by its session_writer.
  [[nodiscard]] virtual std::vector<BatchId> last_sequences_before() const = 0;

  /// As it was when this store was opened: if it is what a client was told before, its session, unless it is known, has
  /// had nothing applied (layout/files/writers.hpp).
  [[nodiscard]] virtual std::uint64_t forgotten_before() const = 0;

  /// No batch of the session will come again, nor any with an id of these writers, of its client's own making. Others
  /// are passed over.
  virtual void end_session(const WriterId& session, std::span<const WriterId> own_writers) = 0;

  /// Values for who can read the dataset's files: what is worth it is left in its file, and all the rest is copied.
  /// `reserve` is told how many bytes that takes before, and may throw.
  [[nodiscard]] virtual LocatedValues locate(std::span<const std::string_view> keys,
                                             const std::function<void(std::uint64_t)>& reserve) const = 0;
};

struct BufferedDatasetOptions {
  BufferOptions buffer{};
  /// At all but `memory` the buffer has a journal in the dataset. Not `replicated`.
  Durability durability = Durability::os;
  std::uint64_t file_size_limit = 0;  ///< of this process (RLIMIT_FSIZE)
  LostAppendsHandler on_lost_appends{};
  /// Of one segment of the journal, before the other one is written over where few keys come; at most a quarter of it.
  std::uint64_t write_over_bytes = std::uint64_t{32} << 20;
};

/// A buffer over `store`, which is `dataset` itself or a layer over it.
[[nodiscard]] std::unique_ptr<BufferedStore> buffered_dataset(std::unique_ptr<Store> store, OwnedDataset& dataset,
                                                              const BufferedDatasetOptions& options);

}  // namespace accrete
