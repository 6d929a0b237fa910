// What the tests of a full disk share.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace accrete::test {

/// Takes all the room that is left; gives it back when it goes.
class Ballast {
 public:
  explicit Ballast(std::string path) : path_(std::move(path)) {
    std::ofstream out(path_, std::ios::binary);
    for (const std::size_t size : {std::size_t{65536}, std::size_t{512}}) {
      const std::string block(size, 'b');
      while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
      }
      out.clear();
    }
  }
  ~Ballast() { std::filesystem::remove(path_); }
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

 private:
  std::string path_;
};

/// The disk of a caching server's dataset fills up, again and again.
void serve_on_a_full_disk(const std::string& directory);

}  // namespace accrete::test
