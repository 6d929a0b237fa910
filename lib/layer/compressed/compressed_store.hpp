// `compressed` over a dataset, as its marker asks for.
#pragma once

#include <accrete/accrete.hpp>
#include <memory>

#include "dataset/dataset.hpp"

namespace accrete {

/// `dataset` itself where its values are raw.
[[nodiscard]] std::unique_ptr<Store> with_codec(std::unique_ptr<Dataset> dataset, const CompressedOptions& options);

}  // namespace accrete
