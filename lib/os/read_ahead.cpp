#include "os/read_ahead.hpp"

#include <algorithm>
#include <utility>

#include "os/thread.hpp"

namespace accrete {
namespace {

constexpr std::size_t piece_bytes = 256 << 10;
constexpr std::size_t max_pieces = 4;

}  // namespace

ReadAhead::ReadAhead(std::unique_ptr<ByteSource> source)
    : SourceOver(std::move(source)), thread_(start_thread([this] { run(); })) {}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  stop_.signal();
  room_.notify_one();
  thread_.join();
}

void ReadAhead::run() noexcept {
  std::exception_ptr failure;
  try {
    while (read_piece()) {
    }
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  failure_ = failure;
  is_over_ = true;
  arrival_.signal();
}

bool ReadAhead::read_piece() {
  if (source().wait(std::nullopt, stop_.fd()) != Waited::input) return false;
  std::vector<char> piece(piece_bytes);
  piece.resize(source().read(piece));
  if (piece.empty()) return false;
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return pieces_.size() < max_pieces || is_stopped_; });
  pieces_.push_back(std::move(piece));
  arrival_.signal();
  return !is_stopped_;
}

std::size_t ReadAhead::read(std::span<char> to) {
  (void)wait(std::nullopt, -1);
  const std::lock_guard lock(mutex_);
  if (pieces_.empty()) {
    if (failure_) std::rethrow_exception(failure_);
    return 0;
  }
  const std::vector<char>& piece = pieces_.front();
  const std::size_t size = std::min(to.size(), piece.size() - taken_);
  std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(taken_), size, to.begin());
  taken_ += size;
  if (taken_ == piece.size()) {
    pieces_.pop_front();
    taken_ = 0;
    room_.notify_one();
  }
  return size;
}

ByteSource::Waited ReadAhead::wait(std::optional<Clock::time_point> until, int interruption_fd) {
  while (true) {
    const Waited waited = wait_for_input(arrival_.fd(), until, interruption_fd, name());
    if (waited == Waited::interruption) return waited;
    const std::lock_guard lock(mutex_);
    if (has_something()) return Waited::input;
    if (waited == Waited::time) return waited;
    arrival_.drain();
  }
}

}  // namespace accrete
