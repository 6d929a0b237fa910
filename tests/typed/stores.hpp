// The stores that typed values are tested over.
#pragma once

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "net/client.hpp"
#include "server/running_server.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {

/// Runs `test` over a store in memory, a dataset, buffers so small that they often hand down, each codec of the build,
/// and datasets with a codec: alone, behind a buffer, and behind a server.
inline void over_every_store(const std::function<void(std::unique_ptr<Store>)>& test) {
  constexpr BufferOptions small_buffer{.limit_bytes = std::uint64_t{1} << 20};
  const TemporaryDirectory directory;
  const auto created = [&](const std::string& name, const CreateOptions& options) {
    create(directory / name, options);
    return directory / name;
  };
  const auto test_over = [&](const std::string& name, std::unique_ptr<Store> store) {
    CAPTURE(name);
    test(std::move(store));
  };
  test_over("memory", memory_store());
  test_over("files", open(created("files", {})));
  test_over("buffered memory", buffered(memory_store(), small_buffer));
  test_over("buffered files", buffered(open(created("buffered", {})), small_buffer));
  for (const std::string& codec : codec_names()) test_over(codec, compressed(memory_store(), parse_codec(codec)));
  const CreateOptions with_codec{.codec = parse_codec(codec_names().back())};
  test_over("dataset with a codec", open(created("codec", with_codec)));
  test_over("buffered dataset with a codec", open(created("buffered codec", with_codec), {.buffer = small_buffer}));
  const std::string served = created("served", with_codec);
  const RunningServer server(served, {.endpoint = "ipc://" + served + "/.socket"});
  test_over("served", connect(server.endpoint()));
}

}  // namespace accrete::test
