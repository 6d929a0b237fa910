// Memory for bytes that are gathered: chunks of a few sizes, cut out of pages that any size can use again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace accrete {

/// A part of a value. Chunks of a value are linked in their order.
struct Chunk {
  Chunk* next = nullptr;
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;

  [[nodiscard]] char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] std::string_view view() const noexcept { return {reinterpret_cast<const char*>(this + 1), size}; }
  [[nodiscard]] std::uint32_t room() const noexcept { return capacity - size; }
};

/// For one thread at a time. What it takes from the system it keeps until it is destroyed, for the next chunks.
///
/// Each page holds chunks of one size, and goes back to be cut anew when all of them are free, so that what is held
/// follows what is in use whatever mix of sizes came before. Rejected: malloc, which faults pages in and out at every
/// flush and fragments between the sizes.
class ChunkPool {
 public:
  ChunkPool() = default;
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  /// Chunks grow with the value that they are for: pass its last chunk, or nullptr for the first.
  [[nodiscard]] Chunk* allocate(Chunk* last);

  void free(Chunk* chunk) noexcept;

  /// Bytes of the pages that are in use.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept { return used_pages_ * page_size; }
  /// Bytes that were taken from the system.
  [[nodiscard]] std::uint64_t reserved_bytes() const noexcept;

  static constexpr std::size_t page_size = std::size_t{64} * 1024;

 private:
  static constexpr std::size_t max_region_pages = 64;
  static constexpr std::array<std::size_t, 5> chunks_a_page = {256, 64, 16, 4, 1};

  struct Page {
    Page* previous = nullptr;  // in the list of pages of its size that have free chunks
    Page* next = nullptr;      // in that list, or in free_pages_
    Chunk* free_chunks = nullptr;
    std::uint32_t used = 0;
    std::uint32_t cut = 0;  // chunks that were handed out at least once
    std::uint32_t size_class = 0;
  };

  [[nodiscard]] static std::size_t chunk_size(std::size_t size_class) noexcept;
  [[nodiscard]] static Page* page_of(Chunk* chunk) noexcept;
  [[nodiscard]] static char* first_chunk(Page* page) noexcept;
  [[nodiscard]] Page* take_page(std::size_t size_class);
  void add_region();
  void link(Page* page) noexcept;
  void unlink(Page* page) noexcept;
  [[nodiscard]] static bool is_full(const Page& page) noexcept;

  /// Taken from the system at once: each as large as all before it, so that a buffer that holds little takes little.
  struct Region {
    char* begin = nullptr;
    std::size_t pages = 0;
  };
  [[nodiscard]] static std::size_t size_of(const Region& region) noexcept { return region.pages * page_size; }
  [[nodiscard]] static std::align_val_t alignment_of(const Region& region) noexcept;

  std::vector<Region> regions_;
  std::size_t fresh_pages_ = 0;  // of the last region: at its end, and never touched
  Page* free_pages_ = nullptr;
  std::array<Page*, chunks_a_page.size()> partial_{};  // of each size: pages with free chunks
  std::uint64_t used_pages_ = 0;
};

}  // namespace accrete
