#include "cli/output.hpp"

#include <accrete/error.hpp>

#include "os/standard_streams.hpp"

namespace accrete::cli {
namespace {

constexpr std::size_t buffer_bytes = 256 << 10;

void write_out(std::string_view bytes) {
  try {
    write_to(StandardStream::output, bytes);
  } catch (const IoError& error) {
    if (error.code() == std::errc::broken_pipe) throw ClosedPipe{};
    throw;
  }
}

}  // namespace

void Output::write(std::string_view bytes) {
  if (bytes.size() > buffer_bytes - buffer_.size()) flush();
  if (bytes.size() >= buffer_bytes) return write_out(bytes);
  buffer_.append(bytes);
}

void Output::flush() {
  try {
    write_out(buffer_);
  } catch (...) {
    buffer_.clear();  // a part of it may be out
    throw;
  }
  buffer_.clear();
}

}  // namespace accrete::cli
