// Where the contract suite puts a store.
#pragma once

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <string>

namespace accrete::test {

class Place {
 public:
  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  virtual ~Place() = default;

  [[nodiscard]] virtual Store& store() = 0;
  /// Closes the store and opens it again, where it outlives that.
  virtual void reopen() = 0;
  /// Fails the test unless all is well by the store's own account.
  virtual void check_sound() = 0;
};

/// It takes several Stores at once.
class SharedPlace : public Place {
 public:
  /// One more Store on the same dataset.
  [[nodiscard]] virtual std::unique_ptr<Store> another() = 0;
};

enum class Values { raw, compressed };
enum class Lies { in_files, in_records };

/// By the last codec of the build, or by none.
inline CreateOptions create_options(Values values, Lies lies = Lies::in_files) {
  return {.codec = values == Values::raw ? std::nullopt : std::optional(parse_codec(codec_names().back())),
          .layout = lies == Lies::in_files ? "files" : "records"};
}

/// Of a dataset whose store says `stats` of itself.
inline void check_report(const VerifyReport& report, const Stats& stats) {
  for (const std::string& problem : report.problems) FAIL_CHECK(problem);
  CHECK(stats.keys == report.counted.keys);
  CHECK(stats.bytes == report.counted.bytes);
}

}  // namespace accrete::test
