// `compressed` over a dataset, as its marker asks for.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>

#include "layout/files/files_dataset.hpp"

namespace accrete {

/// `files` itself where its values are raw.
[[nodiscard]] std::unique_ptr<Store> with_codec(std::unique_ptr<Files> files, const CompressedOptions& options);

}  // namespace accrete
