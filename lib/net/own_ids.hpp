// Ids of a client's own, for batches that a call waits for: if their outcome is not learned, they can be sent again.
#pragma once

#include <accrete/batch_id.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace accrete {

/// No two batches whose outcome is open have the same writer, so it does not matter in which order they are sent again.
/// Thread-safe.
class OwnIds {
 public:
  /// A new id, of a writer whose batches have all come to an end. `forgotten`: what the server's welcome says.
  [[nodiscard]] BatchId take(std::uint64_t forgotten);
  /// The outcome of the batch is certain. An id that is not this client's own is passed over.
  void settle(const BatchId& id) noexcept;

  /// Those of which no batch will be sent again, as many of them as a goodbye names.
  [[nodiscard]] std::vector<WriterId> settled_writers() const;

 private:
  struct Writer {
    std::uint64_t last = 0;  // sequence
    bool is_open = false;
  };

  mutable std::mutex mutex_;  // guards all below
  std::map<WriterId, Writer> writers_;
};

/// An id for the time of a call, or for longer if its outcome stays unknown.
class OwnId {
 public:
  OwnId(OwnIds& ids, std::uint64_t forgotten) : ids_(ids), id_(ids.take(forgotten)) {}
  ~OwnId() {
    if (!is_kept_) ids_.settle(id_);
  }
  OwnId(const OwnId&) = delete;
  OwnId& operator=(const OwnId&) = delete;

  [[nodiscard]] const BatchId& id() const noexcept { return id_; }
  /// The batch may be sent again.
  void keep() noexcept { is_kept_ = true; }

 private:
  OwnIds& ids_;
  const BatchId id_;
  bool is_kept_ = false;
};

}  // namespace accrete
