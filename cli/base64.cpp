#include "cli/base64.hpp"

#include <algorithm>
#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>
#include <iterator>

namespace accrete::cli {
namespace {

constexpr std::size_t bytes_a_group = 3;

void append_base64(std::string& out, std::string_view bytes) {
  using namespace boost::archive::iterators;
  using Digits = base64_from_binary<transform_width<std::string_view::const_iterator, 6, 8>>;
  std::copy(Digits(bytes.begin()), Digits(bytes.end()), std::back_inserter(out));
}

}  // namespace

std::string Base64Encoder::encode(std::string_view bytes) {
  std::string out;
  if (!waiting_.empty()) {
    const std::string_view rest = bytes.substr(0, bytes_a_group - waiting_.size());
    waiting_ += rest;
    bytes.remove_prefix(rest.size());
    if (waiting_.size() < bytes_a_group) return out;
    append_base64(out, waiting_);
  }
  const std::size_t whole = bytes.size() / bytes_a_group * bytes_a_group;
  out.reserve(out.size() + whole / bytes_a_group * 4);
  append_base64(out, bytes.substr(0, whole));
  waiting_ = bytes.substr(whole);
  return out;
}

std::string Base64Encoder::finish() {
  std::string out;
  append_base64(out, waiting_);
  if (!waiting_.empty()) out.append(bytes_a_group - waiting_.size(), '=');
  waiting_.clear();
  return out;
}

}  // namespace accrete::cli
