// A text to append or to compress.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace bench {

/// What the file holds, over and over, up to this size.
inline std::string text_of(const std::filesystem::path& file, std::size_t size) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in || text.empty()) throw std::runtime_error("cannot read a text from '" + file.string() + "'");
  while (text.size() < size) text += text;
  text.resize(size);
  return text;
}

}  // namespace bench
