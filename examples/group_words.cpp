// Groups words by their first letter: batches through an open Store, then every key in order.
#include <accrete/accrete.hpp>
#include <iostream>
#include <sstream>

namespace {

constexpr std::size_t entries_per_batch = 4;

constexpr const char* text = "many small pieces make up one value; some pieces may stay small, others may grow";

}  // namespace

int main() {
  accrete::create("words");
  const auto store = accrete::open("words");

  std::vector<std::string> lines;  // owns the bytes that the entries borrow
  const auto hand_down = [&] {
    std::vector<accrete::Entry> batch;
    batch.reserve(lines.size());
    for (const std::string& line : lines) batch.push_back({.key = std::string_view(line).substr(1, 1), .bytes = line});
    store->append_batch(batch);
    lines.clear();
  };
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    lines.push_back(' ' + word);
    if (lines.size() == entries_per_batch) hand_down();
  }
  hand_down();

  for (const auto& [key, size] : store->list()) {
    std::cout << key << ", " << size << " bytes:" << store->get(key) << '\n';
  }
  accrete::destroy("words");
}
