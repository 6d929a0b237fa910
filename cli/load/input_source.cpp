#include "cli/load/input_source.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <utility>

#include "cli/load/decompressed_source.hpp"
#include "os/read_ahead.hpp"

namespace accrete::cli {
namespace {

std::unique_ptr<ByteSource> decompressed(std::unique_ptr<ByteSource> source, StreamFormat format,
                                         const std::string& front) {
  auto decoded = std::make_unique<DecompressedSource>(std::move(source), format, front);
  return std::make_unique<ReadAhead>(std::move(decoded));
}

}  // namespace

InputSource::InputSource(std::unique_ptr<ByteSource> raw) : SourceOver(std::move(raw)) {
  while (!is_known_ && source().size()) look_further();
}

void InputSource::look_further() {
  std::array<char, 16> piece{};
  const std::size_t size = source().read(piece);
  front_.append(piece.data(), size);
  const std::optional<StreamFormat> format = stream_format_of(front_, size == 0);
  is_known_ = format.has_value();
  if (!format || *format == StreamFormat::none) return;
  set_source(decompressed(take_source(), *format, front_));
  front_.clear();
}

std::size_t InputSource::read(std::span<char> to) {
  while (!is_known_) look_further();
  if (front_.empty()) return source().read(to);
  const std::size_t size = std::min(front_.size(), to.size());
  std::copy_n(front_.begin(), size, to.begin());
  front_.erase(0, size);
  return size;
}

ByteSource::Waited InputSource::wait(std::optional<Clock::time_point> until, int interruption_fd) {
  while (!is_known_) {
    const Waited waited = source().wait(until, interruption_fd);
    if (waited != Waited::input) return waited;
    look_further();
  }
  return front_.empty() ? source().wait(until, interruption_fd) : Waited::input;
}

std::optional<std::uint64_t> InputSource::size() const {
  const std::optional<std::uint64_t> left = source().size();
  return left ? std::optional(*left + front_.size()) : std::nullopt;
}

}  // namespace accrete::cli
