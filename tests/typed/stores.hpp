// The stores that typed values are tested over.
#pragma once

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "support/temporary_directory.hpp"

namespace accrete::test {

/// Runs `test` over a store in memory, over a dataset, and over buffers so small that they often hand down.
inline void over_every_store(const std::function<void(std::unique_ptr<Store>)>& test) {
  constexpr BufferOptions small_buffer{.limit_bytes = std::uint64_t{1} << 20};
  const TemporaryDirectory directory;
  const auto open_new = [&](const std::string& name) {
    create(directory / name);
    return open(directory / name);
  };
  const auto test_over = [&](const char* name, std::unique_ptr<Store> store) {
    CAPTURE(name);
    test(std::move(store));
  };
  test_over("memory", memory_store());
  test_over("files", open_new("files"));
  test_over("buffered memory", buffered(memory_store(), small_buffer));
  test_over("buffered files", buffered(open_new("buffered"), small_buffer));
}

}  // namespace accrete::test
