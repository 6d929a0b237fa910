// Reads the files of a dataset that another process has for itself, without its lock.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/located_values.hpp"
#include "layout/files/control.hpp"
#include "os/env.hpp"

namespace accrete {

/// For any number of threads. Only for processes that share a page cache with the owner, which are those of its host.
class DirectReader {
 public:
  /// nullptr where this process may not read the dataset, or there is none.
  [[nodiscard]] static std::unique_ptr<DirectReader> try_open(Env& env, const std::string& path);

  /// The values of the keys as the owner has located them; nullopt if they may be others by now, or cannot be read:
  /// then the owner has to be asked for their bytes. Throws TooLargeError for what does not fit into memory.
  [[nodiscard]] std::optional<std::vector<std::string>> try_read(std::span<const std::string_view> keys,
                                                                 LocatedValues located) const;

  /// False once it has been found that this process may not read the values, or that the owner has another dataset.
  [[nodiscard]] bool is_of_use() const noexcept { return is_of_use_; }

 private:
  DirectReader(std::unique_ptr<Directory> directory, const std::array<std::byte, 16>& dataset);
  void read(std::string_view key, LocatedValues::Value& value) const;

  const std::unique_ptr<Directory> directory_;
  const std::array<std::byte, 16> dataset_;
  const Control control_;
  mutable std::atomic<bool> is_of_use_ = true;
};

}  // namespace accrete
