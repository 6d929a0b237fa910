// Numbers as a person reads them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace accrete::cli {

/// "1,234,567"
[[nodiscard]] std::string grouped(std::uint64_t number);

/// "1,234,567 rows", "1 row"
[[nodiscard]] std::string counted(std::uint64_t number, const std::string& noun);

/// "999 B", "72.8 MB"
[[nodiscard]] std::string byte_size(std::uint64_t bytes);

/// "0.42 s", "12.3 s"
[[nodiscard]] std::string seconds(std::chrono::duration<double> time);

/// "346 MB/s"
[[nodiscard]] std::string byte_rate(std::uint64_t bytes, std::chrono::duration<double> time);

/// "0:07", "2:03:59"
[[nodiscard]] std::string clock_time(std::chrono::duration<double> time);

}  // namespace accrete::cli
