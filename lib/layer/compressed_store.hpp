// `compressed` over a dataset, as its marker asks for.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>

#include "store/marker.hpp"

namespace accrete {

/// `files` itself where values are raw.
[[nodiscard]] std::unique_ptr<Store> with_codec(std::unique_ptr<Store> files, const Marker& marker,
                                                const CompressedOptions& options);

}  // namespace accrete
