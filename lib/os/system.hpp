// What the operating system knows and no file holds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace accrete {

/// Bytes that could be allocated without swapping: what the system has available, within this process's cgroup and all
/// that it is in (version 1 or 2). `root`: where /proc and /sys are looked for.
[[nodiscard]] std::uint64_t available_memory(const std::string& root = "");

/// Of a version-4 UUID (RFC 4122), from the system's random source.
[[nodiscard]] std::array<std::byte, 16> random_uuid();

[[nodiscard]] std::uint64_t random_u64();

[[nodiscard]] std::int64_t process_id() noexcept;

/// For a program that allocates and frees messages all the time: up to `bytes` of what is freed stays with the process,
/// since the system would clear each page of it that is taken again.
void keep_freed_memory(int bytes) noexcept;

/// The calling thread leaves most of the processor to others that want it.
void give_way_to_others() noexcept;

/// For memory of many mebibytes that is about to be filled for the first time: to have the system hand it out in
/// small pages takes longer than to fill it.
void prefer_huge_pages(std::span<std::byte> memory) noexcept;

}  // namespace accrete
