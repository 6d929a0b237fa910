#include "client_processes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <new>
#include <span>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "workload.hpp"

namespace bench {
namespace {

void check(int result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
}

/// Nothing is written to it: it tells that all who had it open have closed it.
class Signal {
 public:
  Signal() { check(::pipe(ends_.data()), "pipe"); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal() {
    close(reader);
    close(writer);
  }

  void give() { close(writer); }
  void wait() {
    give();
    char byte = 0;
    check(static_cast<int>(::read(ends_[reader], &byte, 1)), "read");
  }

 private:
  static constexpr std::size_t reader = 0;
  static constexpr std::size_t writer = 1;

  void close(std::size_t end) {
    if (const int fd = std::exchange(ends_[end], -1); fd >= 0) ::close(fd);
  }

  std::array<int, 2> ends_{};
};

/// One for each client, in memory that the parent shares with them.
class SharedTimes {
 public:
  explicit SharedTimes(std::size_t count)
      : size_(count * sizeof(ClientTimes)),
        memory_(::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    times_ = {new (memory_) ClientTimes[count], count};
  }
  SharedTimes(const SharedTimes&) = delete;
  SharedTimes& operator=(const SharedTimes&) = delete;
  ~SharedTimes() { ::munmap(memory_, size_); }

  [[nodiscard]] std::span<ClientTimes> get() const noexcept { return times_; }

 private:
  std::size_t size_;
  void* memory_;
  std::span<ClientTimes> times_{};
};

/// Leaves without destructors of what the parent has: they are the parent's to run.
[[noreturn]] void be_client(const std::function<Work()>& prepare, Signal& ready, Signal& start, ClientTimes& times) {
  const int code = exit_code_of("client", [&] {
    const Work work = prepare();
    ready.give();
    start.wait();
    times = work();
  });
  std::_Exit(code);
}

bool all_succeeded(std::size_t count) {
  bool succeeded = true;
  for (std::size_t i = 0; i < count; ++i) {
    int status = 0;
    check(::wait(&status), "wait");
    succeeded = succeeded && status == 0;
  }
  return succeeded;
}

void print_rate(const char* quantity, const std::string& subject, std::size_t appends, Clock::duration taken) {
  const std::chrono::duration<double, std::micro> microseconds = taken;
  std::cout << quantity << '\t' << subject << '\t' << static_cast<double>(appends) / microseconds.count() << '\n';
}

void print(const std::string& subject, std::size_t appends, std::span<const ClientTimes> times,
           Clock::time_point begin) {
  const auto last = [&](auto member) { return (*std::ranges::max_element(times, {}, member)).*member; };
  print_rate("acknowledged", subject, appends, last(&ClientTimes::acknowledged) - begin);
  if (const auto flushed = last(&ClientTimes::flushed)) print_rate("flushed", subject, appends, *flushed - begin);
  if (const auto call_ns = last(&ClientTimes::call_ns)) std::cout << "call\t" << subject << '\t' << *call_ns << '\n';
}

}  // namespace

void time_clients(const std::string& subject, std::size_t count, std::size_t appends,
                  const std::function<Work(const Share&)>& prepare) {
  const SharedTimes times(count);
  Signal ready;
  Signal start;
  for (std::size_t i = 0; i < count; ++i) {
    const pid_t pid = ::fork();
    check(pid, "fork");
    if (pid > 0) continue;
    be_client([&] { return prepare({.client = i, .appends = appends / count}); }, ready, start, times.get()[i]);
  }
  ready.wait();
  const auto begin = Clock::now();
  start.give();
  if (!all_succeeded(count)) throw std::runtime_error("a client has failed");
  print(subject, appends, times.get(), begin);
}

std::size_t parse_appends(const std::string& text, std::size_t clients) {
  const std::size_t appends = std::stoul(text);
  if (clients == 0 || appends == 0 || appends % (clients * key_count) != 0)
    throw std::invalid_argument("APPENDS is no multiple of " + std::to_string(key_count) + " times CLIENTS");
  return appends;
}

int exit_code_of(const std::string& program, const std::function<void()>& run) {
  try {
    run();
    std::cout.flush();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << program << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace bench
