#include "layer/buffered/chunk_pool.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <span>

#include "base/prefetch.hpp"
#include "os/system.hpp"

namespace accrete {
namespace {

constexpr std::size_t page_header_size = 64;
constexpr std::size_t huge_page_size = std::size_t{2} << 20;

/// Pages begin their chunks at different lines: values that grow in step would else all be written to at addresses that
/// share the same few places in the processor's caches.
constexpr std::size_t colours = 32;

}  // namespace

ChunkPool::~ChunkPool() {
  for (const Region& region : regions_) ::operator delete(region.begin, alignment_of(region));
}

/// A page finds its own beginning by its address, so it is aligned to its size.
std::align_val_t ChunkPool::alignment_of(const Region& region) noexcept {
  return std::align_val_t{std::min(size_of(region), huge_page_size)};
}

std::uint64_t ChunkPool::reserved_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const Region& region : regions_) bytes += size_of(region);
  return bytes;
}

std::size_t ChunkPool::chunk_size(std::size_t size_class) noexcept {
  constexpr std::size_t usable = page_size - page_header_size - (colours - 1) * cache_line_size;
  return usable / chunks_a_page[size_class] / alignof(Chunk) * alignof(Chunk);
}

ChunkPool::Page* ChunkPool::page_of(Chunk* chunk) noexcept {
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(chunk) % page_size;
  return reinterpret_cast<Page*>(reinterpret_cast<char*>(chunk) - offset);
}

char* ChunkPool::first_chunk(Page* page) noexcept {
  const std::size_t colour = reinterpret_cast<std::uintptr_t>(page) / page_size % colours;
  return reinterpret_cast<char*>(page) + page_header_size + colour * cache_line_size;
}

bool ChunkPool::is_full(const Page& page) noexcept { return page.used == chunks_a_page[page.size_class]; }

Chunk* ChunkPool::allocate(Chunk* last) {
  static_assert(sizeof(Page) <= page_header_size);
  const std::size_t size_class =
      last ? std::min<std::size_t>(page_of(last)->size_class + 1, chunks_a_page.size() - 1) : 0;
  Page* const page = partial_[size_class] ? partial_[size_class] : take_page(size_class);
  void* place = page->free_chunks;
  if (page->free_chunks) {
    page->free_chunks = page->free_chunks->next;
  } else {
    place = first_chunk(page) + page->cut++ * chunk_size(size_class);
  }
  ++page->used;
  if (is_full(*page)) unlink(page);
  auto* const chunk = new (place) Chunk;
  chunk->capacity = static_cast<std::uint32_t>(chunk_size(size_class) - sizeof(Chunk));
  return chunk;
}

void ChunkPool::free(Chunk* chunk) noexcept {
  Page* const page = page_of(chunk);
  if (is_full(*page)) link(page);
  chunk->next = page->free_chunks;
  page->free_chunks = chunk;
  if (--page->used > 0) return;
  unlink(page);
  page->next = free_pages_;
  free_pages_ = page;
  --used_pages_;
}

ChunkPool::Page* ChunkPool::take_page(std::size_t size_class) {
  void* place = free_pages_;
  if (free_pages_) {
    free_pages_ = free_pages_->next;
  } else {
    if (fresh_pages_ == 0) add_region();
    const Region& region = regions_.back();
    place = region.begin + (region.pages - fresh_pages_--) * page_size;
  }
  auto* const page = new (place) Page;
  page->size_class = static_cast<std::uint32_t>(size_class);
  ++used_pages_;
  link(page);
  return page;
}

void ChunkPool::add_region() {
  regions_.reserve(regions_.size() + 1);
  Region region{.pages = 1};
  if (!regions_.empty()) region.pages = std::min<std::size_t>(reserved_bytes() / page_size, max_region_pages);
  region.pages = std::bit_floor(region.pages);
  region.begin = static_cast<char*>(::operator new(size_of(region), alignment_of(region)));
  // Appends to many keys touch many pages in turn, more than the processor has translations of small ones at hand.
  if (size_of(region) >= huge_page_size)
    prefer_huge_pages(std::as_writable_bytes(std::span(region.begin, size_of(region))));
  regions_.push_back(region);
  fresh_pages_ = region.pages;
}

void ChunkPool::link(Page* page) noexcept {
  Page*& first = partial_[page->size_class];
  page->previous = nullptr;
  page->next = first;
  if (first) first->previous = page;
  first = page;
}

void ChunkPool::unlink(Page* page) noexcept {
  if (page->previous) {
    page->previous->next = page->next;
  } else {
    partial_[page->size_class] = page->next;
  }
  if (page->next) page->next->previous = page->previous;
}

}  // namespace accrete
