// What a buffer holds: the bytes that were appended to each key and not handed down yet.
#pragma once

#include <accrete/store.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/block_list.hpp"
#include "base/key_index.hpp"
#include "layer/buffered/chunk_pool.hpp"

namespace accrete {

/// For one thread at a time.
class GatheredValues {
 public:
  GatheredValues() = default;

  /// Numbers of keys. They hold good until forget_idle_keys.
  using Numbers = std::vector<std::uint32_t>;

  /// Appends the numbers of the entries' keys to `numbers`: to append them takes two steps, so that what is known of a
  /// key can be journaled before anything changes. `segment` is that of the journal, from 1 on; if it has not been told
  /// yet in that segment where the key's bytes begin, `untold` gets the entry's place in `numbers`, and it counts as
  /// told from now on.
  void find(std::span<const Entry> entries, std::uint32_t segment, Numbers& numbers, Numbers& untold);

  /// A key remembers the segment of its oldest bytes. When it throws std::bad_alloc, the entries may be there in part.
  void append(std::span<const Entry> entries, std::span<const std::uint32_t> numbers, std::uint32_t segment);
  /// Both steps at once, without a journal.
  void append(std::span<const Entry> entries);
  /// What was found and appended since the last `keep` stays.
  void keep() noexcept { undo_.clear(); }
  /// It does not. Nothing but `find` and `append` may have been called since.
  void take_back() noexcept;
  /// It has not been told where the bytes of these keys begin.
  void take_back_told(std::span<const std::uint32_t> numbers) noexcept;

  /// Where a key's value ends, what is gathered included: `after` decoded bytes after the first `stored` bytes of its
  /// file. Unknown until it is set, and again once something else has changed the value.
  struct End {
    std::uint64_t stored = 0;
    std::uint64_t after = 0;
  };
  [[nodiscard]] const std::string& name(std::uint32_t number) const noexcept { return keys_[number].name; }
  [[nodiscard]] std::optional<End> end(std::uint32_t number) const noexcept;
  void set_end(std::uint32_t number, const End& end) noexcept;
  void forget_end(std::string_view key) noexcept;

  /// Bytes gathered for a key; nullopt for none, 0 if all its appends were empty.
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key) const;

  /// Appends a part of what is gathered for a key to `to`.
  void copy(std::string_view key, std::uint64_t offset, std::uint64_t size, std::string& to) const;

  /// Keys with gathered bytes that the options ask for, in order, but for their limit.
  [[nodiscard]] std::vector<KeySize> list(const ListOptions& options) const;

  /// What was gathered for some keys, on its way down.
  struct Taken {
    struct Value {
      std::uint32_t key = 0;
      Chunk* first = nullptr;
      Chunk* last = nullptr;
      std::uint64_t size = 0;
      std::uint32_t segment = 0;
    };
    std::vector<Value> values{};
    std::uint64_t bytes = 0;
    std::uint32_t oldest_segment = std::numeric_limits<std::uint32_t>::max();
  };

  /// Those of keys with gathered bytes.
  [[nodiscard]] Numbers all() const;
  /// Only those with bytes of a segment before this one.
  [[nodiscard]] Numbers all_before(std::uint32_t segment) const;
  [[nodiscard]] Numbers all_of(std::span<const Entry> entries) const;
  /// Of the entries' keys, those with more than so many bytes.
  [[nodiscard]] Numbers larger_of(std::span<const Entry> entries, std::uint64_t bytes) const;
  /// The keys with enough bytes for a large write.
  [[nodiscard]] Numbers worthwhile() const;
  /// The keys with the most bytes, as many as it takes to have so many together.
  [[nodiscard]] Numbers largest(std::uint64_t bytes) const;

  /// Takes out what is gathered for keys at the end of `wanted`, and takes them off it: as many as fit a batch of so
  /// many bytes (Store::max_batch_bytes), but at least one that has something, and only so many at once. What is
  /// gathered for a key stays together: a replay relies on that, and who reads below sees whole appends.
  [[nodiscard]] Taken take(Numbers& wanted, std::uint64_t max_bytes);

  /// Their entries, one a chunk. Valid until put_back or release.
  [[nodiscard]] std::vector<Entry> entries(const Taken& taken) const;
  [[nodiscard]] std::vector<std::string_view> keys(const Taken& taken) const;

  /// Before what was gathered since.
  void put_back(Taken&& taken) noexcept;
  /// They have been handed down, or are not wanted any more.
  void release(Taken&& taken) noexcept;

  /// What is gathered for a key is not wanted any more, nor is what is known of it.
  void discard(std::string_view key) noexcept;
  /// As above, for all keys.
  void clear() noexcept;

  /// Keys without gathered bytes are kept, since they usually come again, until they take so many bytes. Not
  /// between `take` and what follows it. True if numbers do not hold any more.
  [[nodiscard]] bool forget_idle_keys(std::uint64_t max_bytes);

  [[nodiscard]] bool empty() const noexcept { return held_keys_ == 0; }
  /// Whether there are bytes of the segment before this one, the journal's last: of none before that there may be any.
  [[nodiscard]] bool has_before(std::uint32_t segment) const noexcept { return held_in_[(segment - 1) % 2] > 0; }
  /// How many bytes there are once all keys that are known have enough for a large write.
  [[nodiscard]] std::uint64_t bytes_when_all_are_worthwhile() const noexcept { return keys_.size() * large_write; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// Bytes of the keys that are worthwhile to be handed down.
  [[nodiscard]] std::uint64_t worthwhile_bytes() const noexcept { return worthwhile_bytes_; }

  /// All memory that it takes, its own bookkeeping included.
  [[nodiscard]] std::uint64_t held_bytes() const noexcept {
    return pool_.used_bytes() + keys_.size() * sizeof(Key) + long_key_bytes_ + index_.held_bytes();
  }

  /// Keys that are gathered and of which it is not known whether the store below has them.
  [[nodiscard]] std::vector<std::string> unknown_keys() const;
  /// `is_new`: the store below does not have it.
  void know(std::string_view key, bool is_new);
  /// Of the keys that are gathered, how many are known to be new.
  [[nodiscard]] std::uint64_t new_keys() const noexcept { return new_keys_; }

 private:
  enum class Below : std::uint8_t { unknown, has_it, is_new };

  struct Key {
    std::string name;
    std::uint64_t hash = 0;
    Chunk* first = nullptr;
    Chunk* last = nullptr;
    std::uint64_t size = 0;
    End end{};
    std::uint32_t segment = 0;
    std::uint32_t told_in = 0;  // the last segment in which it was told where its bytes begin
    bool held = false;          // something is gathered, be it empty
    bool has_end = false;       // `end` is known
    Below below = Below::unknown;
  };

  /// A key as it was before some bytes were appended.
  struct Before {
    std::uint32_t key = 0;
    std::uint32_t last_size = 0;  // of the last chunk
    Chunk* last = nullptr;
    std::uint64_t size = 0;
    bool held = false;
  };

  [[nodiscard]] std::uint32_t number_of(std::string_view key) const;
  [[nodiscard]] const Key* try_find(std::string_view key) const;
  [[nodiscard]] std::uint32_t find_or_add(std::string_view key, std::uint64_t hash);

  /// As many misses as a processor of today has under way at once.
  static constexpr std::size_t fetched_together = 16;
  struct Likely {
    std::uint64_t hash = 0;
    std::uint32_t likely = KeyIndex::none;  // number of a key that has, by all its tag tells, this hash
  };
  using Fetched = std::array<Likely, fetched_together>;
  [[nodiscard]] Fetched fetch(std::span<const Entry> entries) const noexcept;
  static void prefetch_room(const Key& key, std::size_t bytes) noexcept;
  template <typename Visit>
  void for_each_number(std::span<const Entry> entries, Visit visit);
  void prefetch(std::span<const Entry> entries, std::span<const std::uint32_t> numbers) const noexcept;
  void append(std::uint32_t number, std::string_view bytes, std::uint32_t segment);
  void append_bytes(Key& value, std::string_view bytes);
  void release_hold(Key& key) noexcept;
  void discard_value(Key& key) noexcept;
  /// A larger write costs no less a byte, and memory that is used again soon is still in the processor's caches.
  static constexpr std::uint64_t large_write = std::uint64_t{64} << 10;

  [[nodiscard]] static std::uint64_t worthwhile_bytes_of(std::uint64_t size) noexcept {
    return size >= large_write ? size : 0;
  }
  void set_size(Key& key, std::uint64_t size) noexcept {
    worthwhile_bytes_ += worthwhile_bytes_of(size) - worthwhile_bytes_of(key.size);
    key.size = size;
  }
  void hold(Key& key, std::uint32_t segment) noexcept;
  [[nodiscard]] static std::uint64_t batch_bytes_of(const Key& key) noexcept;
  void take_key(std::uint32_t number, Taken& taken) noexcept;
  void free_chunks(Chunk* first) noexcept;

  ChunkPool pool_;
  KeyIndex index_;
  BlockList<Key> keys_;       // in the order of their numbers
  std::vector<Before> undo_;  // of the entries that are being appended
  std::uint64_t held_keys_ = 0;
  std::array<std::uint64_t, 2> held_in_{};  // of these, by their segment, modulo 2
  std::uint64_t new_keys_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t worthwhile_bytes_ = 0;
  std::uint64_t long_key_bytes_ = 0;  // of names that do not fit a Key
};

}  // namespace accrete
