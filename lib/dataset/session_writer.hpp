// How a dataset knows a client's session: by a writer that nobody can say from outside.
#pragma once

#include <accrete/batch_id.hpp>
#include <cstdint>

namespace accrete {

[[nodiscard]] WriterId writer_of(std::uint64_t secret, std::uint64_t hash) noexcept;

/// The secret of the dataset, and the XXH3-64 of the session's id, seeded with that; the hash is never 0.
[[nodiscard]] WriterId session_writer(std::uint64_t secret, const WriterId& session) noexcept;

}  // namespace accrete
