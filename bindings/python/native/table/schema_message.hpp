// Fields to and from the metadata of Arrow IPC.
#pragma once

#include <arrow_ipc_generated.h>
#include <string>

#include "field.hpp"

namespace accrete::python {

/// Begins the metadata of each message that has a checksum or leads to one: see piece.hpp.
inline constexpr const char* checksum_key = "accrete.checksum";
inline constexpr const char* checksum_method = "xxh3";

/// The flatbuffer of the message of a table's schema, in the form that is stored.
[[nodiscard]] std::string schema_metadata(const Field& table);

/// The other way; `size` is that of the flatbuffer. Throws UnsupportedError for types that tables cannot hold, and
/// CorruptionError for what makes no sense.
[[nodiscard]] Field read_schema(const ipc::Schema& schema, std::size_t size);

}  // namespace accrete::python
