// The writers of ids that clients make for themselves, for batches that a call waits for. Who sees one can tell it from
// a writer that a user has given: it is kept for a time only (layout/files/writers.hpp).
//
//   own writer = random:8 stamp:4 check:4   ; check: the lower half of the XXH3-64 of the 12 bytes before it
//
// `stamp` is the lower half of how many writers the store says that it has forgotten when the id is made: as long as
// that is so, a batch whose id it does not know has not been applied.
#pragma once

#include <accrete/batch_id.hpp>
#include <accrete/error.hpp>
#include <cstdint>

namespace accrete {

[[nodiscard]] WriterId make_own_writer(std::uint64_t random, std::uint64_t forgotten) noexcept;

[[nodiscard]] bool is_own_writer(const WriterId& writer) noexcept;

/// Whether a store that has forgotten so many may have known this own writer. False for a user's.
[[nodiscard]] bool may_be_forgotten(const WriterId& writer, std::uint64_t forgotten) noexcept;

/// A batch comes again whose id the store may have known and forgotten.
class ForgottenIdError : public UnknownOutcomeError {
 public:
  using UnknownOutcomeError::UnknownOutcomeError;
};

[[noreturn]] void throw_forgotten_id(const BatchId& id);

}  // namespace accrete
