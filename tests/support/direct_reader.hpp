// Reading a dataset past its owner, as a client does that is on his host.
#pragma once

#include <memory>
#include <string>

#include "api/datasets.hpp"

namespace accrete::test {

/// nullptr if there is no dataset at `path`, too.
[[nodiscard]] inline std::unique_ptr<DirectReader> try_open_directly(Env& env, const std::string& path) {
  try {
    FoundDataset found = find_dataset(env, path);
    return found.layout.try_open_directly(std::move(found.place));
  } catch (const NotFoundError&) {
    return nullptr;
  }
}

}  // namespace accrete::test
