// Tests of what a buffer tells when it is closed and cannot hand down what was appended to it.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/hooked_store.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

class Told {
 public:
  [[nodiscard]] LostAppendsHandler handler() {
    return [this](std::string_view what) { texts_.emplace_back(what); };
  }
  [[nodiscard]] bool nothing() const { return texts_.empty(); }
  [[nodiscard]] std::string once() const {
    REQUIRE(texts_.size() == 1);
    return texts_.front();
  }

 private:
  std::vector<std::string> texts_;
};

TEST_CASE("a buffer that is closed and cannot flush tells that its appends are lost, and why") {
  const std::unique_ptr<Store> memory = memory_store();
  for (const bool fails : {false, true}) {
    CAPTURE(fails);
    Told told;
    {
      auto hooked = std::make_unique<HookedStore>(*memory);
      if (fails) {
        hooked->before = [](HookedStore::Call call, std::string_view) {
          if (call == HookedStore::Call::append) throw DiskFullError("append to", "the disk", 28);
        };
      }
      const std::unique_ptr<Store> store = buffered(std::move(hooked), {}, told.handler());
      store->append("k", "v");
    }
    if (!fails) {
      CHECK(told.nothing());
      continue;
    }
    CHECK(told.once().find("the disk") != std::string::npos);
    CHECK(told.once().find("lost") != std::string::npos);
  }
}

TEST_CASE("a handler that throws does no harm") {
  const std::unique_ptr<Store> memory = memory_store();
  auto hooked = std::make_unique<HookedStore>(*memory);
  hooked->before = [](HookedStore::Call, std::string_view) { throw CorruptionError("damaged"); };
  int told = 0;
  buffered(std::move(hooked), {}, [&](std::string_view) {
    ++told;
    throw std::runtime_error("the handler's own");
  })->append("k", "v");
  CHECK(told == 1);
}

TEST_CASE("a buffer with a journal tells that its appends are in there, and they are") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  create(url);
  for (const Durability durability : {Durability::os, Durability::sync}) {
    Told told;
    {
      const std::unique_ptr<Store> store =
          open(url, {.buffer = BufferOptions{}, .durability = durability, .on_lost_appends = told.handler()});
      store->append("k", "v");
      std::filesystem::create_directory(url + "/k");  // so that the value cannot be made
    }
    CHECK(told.once().find("journal") != std::string::npos);
    std::filesystem::remove(url + "/k");
    CHECK(get(url, {"k"}).front() == "v");
    open(url)->drop();
  }
}

}  // namespace
}  // namespace accrete::test
