// The records of both segments of a buffer's journal, in their order, and what is wrong between them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "layer/buffered/buffer_segment.hpp"
#include "os/env.hpp"

namespace accrete {

class BufferRecords {
 public:
  explicit BufferRecords(Directory& directory);

  /// Nothing is to be handed down, whatever the records say.
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }
  [[nodiscard]] bool is_synced() const noexcept;

  struct Record {
    std::uint64_t number = 0;  ///< rises from record to record; the same in each pass
    std::string payload{};
    bool is_after_damage = false;  ///< something that stood before it is gone
  };
  void for_each(const std::function<void(Record&&)>& visit);

  /// Makes what they hold survive power loss, where that was to be so record by record.
  void sync(const std::function<void()>& note_failed_sync);

  /// There is one, unless something is damaged. Once `for_each` has passed over it, it is at its end.
  [[nodiscard]] const BufferSegment& newest() const { return *segments_.back(); }

  /// All that is damaged, in words, once `for_each` has passed over it.
  [[nodiscard]] std::vector<std::string> damage() const;

 private:
  void check_segments(const Directory& directory);

  std::vector<std::unique_ptr<BufferSegment>> segments_;  // the older first
  bool is_closed_ = false;
  std::vector<std::string> damaged_segments_;
  std::vector<std::string> between_;  // of the last pass
};

}  // namespace accrete
