// Reading back: keys by prefix and in pages, and a large value in pieces, so that memory stays small.
#include <accrete/accrete.hpp>
#include <iostream>

namespace {

constexpr std::uint64_t piece_size = std::uint64_t{64} * 1024;

/// Counts lines without holding more than one piece of the value.
std::uint64_t count_lines(const accrete::Store& store, std::string_view key) {
  std::uint64_t lines = 0;
  std::uint64_t offset = 0;
  for (std::string piece; !(piece = store.get_range(key, offset, piece_size)).empty(); offset += piece.size()) {
    for (const char byte : piece) lines += byte == '\n' ? 1 : 0;
  }
  return lines;
}

}  // namespace

int main() {
  accrete::create("cities");
  const auto store = accrete::open("cities");
  for (const std::string_view key : {"de/Berlin", "de/Bremen", "fr/Lyon", "de/Mainz"}) store->append(key, "visited\n");
  const std::string many_lines(std::size_t{300} * 1024, '\n');
  store->append("de/Berlin", many_lines);

  std::cout << "cities in de, two a page:\n";
  std::string last;
  for (;;) {
    accrete::ListOptions page{.prefix = "de/", .limit = 2};
    if (!last.empty()) page.after = last;
    const auto keys = store->list(page);
    if (keys.empty()) break;
    for (const auto& [key, size] : keys) std::cout << "  " << key << ": " << size << " bytes\n";
    last = keys.back().key;
  }

  std::cout << "lines of de/Berlin: " << count_lines(*store, "de/Berlin") << '\n';
  std::cout << "a missing key reads as empty: '" << store->get("it/Rome") << "'\n";
  std::cout << "and has " << (store->size("it/Rome") ? "a size" : "no size") << '\n';
  accrete::destroy("cities");
}
