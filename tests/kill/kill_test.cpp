// Four processes append to one dataset and are killed at any moment; a fifth reads. Then the oracle judges.
//   kill_test WORKER [--kills N] [--seed N] [--buffered|--served|--bytes|--messages] [--compressed] [--early]
// With --buffered it is one process, whose four threads append through a buffer with a journal, and nobody reads. With
// --served the four are clients of a server, which is killed like them and started again. With --bytes and --messages
// nobody is killed before the end, but what goes between the clients and the server is harmed N times. With
// --compressed the dataset has a codec. With --early, which is for a buffer or a server, segments of the journal are
// begun early, and often. Built with a sanitizer, it does a fifth of N, unless FULL_CAMPAIGNS is set.
#include <accrete/accrete.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <poll.h>
#include <random>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "dataset/names.hpp"
#include "kill/oracle.hpp"
#include "kill/proxy.hpp"
#include "layer/buffered/buffer_journal.hpp"
#include "support/campaign.hpp"
#include "support/file_bytes.hpp"
#include "support/random_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace accrete;
using namespace accrete::test;

// Then a new dataset, so that values stay small enough to be judged often.
constexpr int kills_a_round = 25;
constexpr int faults_a_round = 100;

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
  }
  return status;
}

/// Judges moment after moment in a process of its own, until it is told to stop.
class Reader {
 public:
  explicit Reader(const std::string& dataset) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) {
      ::close(ends[1]);
      ::_exit(read(dataset, ends[0]));
    }
    ::close(ends[0]);
    stop_ = ends[1];
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (stop_ >= 0) ::close(stop_);
  }

  void stop() {
    ::close(std::exchange(stop_, -1));
    if (wait_for(pid_) != 0) throw std::runtime_error("the reader has failed");
  }

 private:
  static int read(const std::string& dataset, int stop) noexcept {
    try {
      const std::unique_ptr<Store> store = open(dataset);
      for (;;) {
        judge_moment(*store);
        pollfd told{.fd = stop, .events = POLLIN, .revents = 0};
        if (::poll(&told, 1, 1) > 0) return 0;
      }
    } catch (const std::exception& e) {
      std::cerr << "reader: " << e.what() << "\n";
      return 1;
    }
  }

  pid_t pid_ = -1;
  int stop_ = -1;
};

enum class Mode { processes, buffered, served, bytes, messages };

bool is_proxied(Mode mode) { return mode == Mode::bytes || mode == Mode::messages; }

struct Campaign {
  Mode mode = Mode::processes;
  bool early = false;
  CreateOptions options{};
};

std::size_t processes_of(Mode mode) {
  switch (mode) {
    case Mode::buffered:
      return 1;
    case Mode::served:
    case Mode::bytes:
    case Mode::messages:
      return 1 + worker_count;
    case Mode::processes:
      break;
  }
  return worker_count;
}

class Writers {
 public:
  Writers(std::string program, const Campaign& campaign, std::string dataset, std::string directory)
      : program_(std::move(program)),
        mode_(campaign.mode),
        early_(campaign.early),
        dataset_(std::move(dataset)),
        directory_(std::move(directory)),
        pids_(processes_of(campaign.mode)),
        noted_at_start_(pids_.size()) {
    for (std::size_t i = 0; i < pids_.size(); ++i) start(i);
  }
  ~Writers() {
    for (const pid_t pid : pids_) {
      if (pid > 0) ::kill(pid, SIGKILL);
    }
  }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  [[nodiscard]] std::size_t processes() const noexcept { return pids_.size(); }

  void start(std::size_t process) {
    std::string which = role_of(process);
    noted_at_start_[process] = noted_by(process);
    const std::array<char*, 5> args = {program_.data(), dataset_.data(), which.data(), directory_.data(), nullptr};
    const int error = ::posix_spawn(&pids_[process], program_.c_str(), nullptr, nullptr, args.data(), environ);
    if (error != 0) throw std::system_error(error, std::generic_category(), program_);
  }

  void kill(std::size_t process) {
    const pid_t pid = std::exchange(pids_[process], -1);
    ::kill(pid, SIGKILL);
    const int status = wait_for(pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) throw std::runtime_error("a worker has failed");
    if (early_ && process == 0 && has_begun_segment()) ++begun_early_;
  }

  /// How many buffers were killed that had begun another segment.
  [[nodiscard]] int begun_early() const noexcept { return begun_early_; }

  /// Throws if one has ended that was not killed.
  void check_alive() {
    for (const pid_t pid : pids_) {
      if (::waitpid(pid, nullptr, WNOHANG) != 0) throw std::runtime_error("a worker has failed");
    }
  }

  /// However long it takes to start here, until it, or whom it serves, has begun a batch.
  void wait_until_at_work(std::size_t process) {
    while (noted_by(process) <= noted_at_start_[process]) {
      check_alive();
      std::this_thread::sleep_for(std::chrono::microseconds{200});
    }
  }

  [[nodiscard]] std::vector<Progress> progress() const {
    std::vector<Progress> all;
    for (std::uint32_t i = 0; i < worker_count; ++i) all.push_back(read_progress(progress_path(directory_, i)));
    return all;
  }

 private:
  [[nodiscard]] std::string role_of(std::size_t process) const {
    const std::string when = early_ ? "-early" : "";
    if (mode_ == Mode::buffered) return "buffered" + when;
    if (mode_ == Mode::processes) return std::to_string(process);
    if (process == 0) return "serve" + when;
    return (is_proxied(mode_) ? "proxied-" : "client-") + std::to_string(process - 1);
  }

  /// Whether the writer is this process, or a part or a client of it.
  [[nodiscard]] bool works_for(std::size_t writer, std::size_t process) const {
    switch (mode_) {
      case Mode::buffered:
        return true;
      case Mode::processes:
        return writer == process;
      default:
        return process == 0 || writer == process - 1;
    }
  }

  /// Bytes of progress.
  [[nodiscard]] std::uintmax_t noted_by(std::size_t process) const {
    std::uintmax_t noted = 0;
    for (std::uint32_t writer = 0; writer < worker_count; ++writer) {
      const std::string path = progress_path(directory_, writer);
      if (works_for(writer, process) && std::filesystem::exists(path)) noted += std::filesystem::file_size(path);
    }
    return noted;
  }

  /// The first one is not begun.
  [[nodiscard]] bool has_begun_segment() const {
    return std::ranges::any_of(buffer_journal_names, [&](const char* name) {
      const std::string path = dataset_ + "/" + name;
      if (!std::filesystem::exists(path)) return false;
      const auto header = decode_buffer_segment_front(read_file(path));
      return header && header->number > 1;
    });
  }

  std::string program_;
  Mode mode_;
  bool early_;
  int begun_early_ = 0;
  std::string dataset_;
  std::string directory_;
  std::vector<pid_t> pids_;
  std::vector<std::uintmax_t> noted_at_start_;
};

void pause(Random& random, std::size_t max_microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(random_below(random, max_microseconds)));
}

/// A third each: while it starts, while it starts or recovers or is at work, and while it is at work.
void pause_before_kill(Writers& writers, std::size_t victim, Random& random) {
  switch (random_below(random, 3)) {
    case 0:
      return pause(random, 4'000);
    case 1:
      return pause(random, 60'000);
    default:
      writers.wait_until_at_work(victim);
      return pause(random, 10'000);
  }
}

int kill_some(Writers& writers, Random& random) {
  const std::size_t count = writers.processes();
  const std::size_t victim = one_in(random, 2) ? 0 : random_below(random, count);  // the server, where there is one
  pause_before_kill(writers, victim, random);
  if (!one_in(random, 8)) {
    writers.kill(victim);
    writers.start(victim);
    return 1;
  }
  for (std::size_t i = 0; i < count; ++i) writers.kill(i);
  for (std::size_t i = 0; i < count; ++i) writers.start(i);
  return static_cast<int>(count);
}

void kill_until(Writers& writers, int kills, Random& random) {
  for (int killed = 0; killed < kills;) killed += kill_some(writers, random);
}

void harm_until(Writers& writers, const Proxy& proxy, int faults) {
  while (proxy.faults() < faults) {
    writers.check_alive();
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

std::unique_ptr<Proxy> start_proxy(Mode mode, const std::string& directory, Random& random) {
  if (!is_proxied(mode)) return nullptr;
  const auto make = mode == Mode::bytes ? byte_proxy : message_proxy;
  return make(proxy_path(directory), directory + "/dataset/.socket", random());
}

void check_sound(const std::string& dataset, const Stats& stats) {
  const VerifyReport report = verify(dataset);
  if (!report.problems.empty()) throw std::runtime_error("verify: " + report.problems.front());
  if (report.counted.keys != stats.keys || report.counted.bytes != stats.bytes) {
    throw std::runtime_error("the totals are not what a count finds");
  }
}

struct Outcome {
  Tally tally{};
  int begun_early = 0;
};

Outcome run_round(const std::string& program, const Campaign& campaign, int kills, Random& random) {
  const Mode mode = campaign.mode;
  const TemporaryDirectory directory;
  const std::string dataset = directory / "dataset";
  create(dataset, campaign.options);
  const std::unique_ptr<Proxy> proxy = start_proxy(mode, directory.path(), random);
  Writers writers(program, campaign, dataset, directory.path());
  std::optional<Reader> reader;
  if (mode == Mode::processes) reader.emplace(dataset);
  if (proxy) {
    harm_until(writers, *proxy, kills);
  } else {
    kill_until(writers, kills, random);
  }
  for (std::size_t i = 0; i < writers.processes(); ++i) writers.wait_until_at_work(i);
  pause(random, 10'000);
  for (std::size_t i = 0; i < writers.processes(); ++i) writers.kill(i);
  if (reader) reader->stop();
  const std::unique_ptr<Store> store = open(dataset);
  const Tally tally = judge(*store, writers.progress());
  check_sound(dataset, store->stats());
  store->append("after all", "x");
  if (store->get("after all") != "x") throw std::runtime_error("the dataset is not usable");
  return {.tally = tally, .begun_early = writers.begun_early()};
}

int run(const std::string& program, const Campaign& campaign, int kills, std::uint64_t seed) {
  Random random(seed);
  Tally total;
  int begun_early = 0;
  const int most = is_proxied(campaign.mode) ? faults_a_round : kills_a_round;
  for (int left = kills; left > 0; left -= most) {
    const auto [tally, begun] = run_round(program, campaign, std::min(left, most), random);
    begun_early += begun;
    total.done += tally.done;
    total.unknown_applied += tally.unknown_applied;
    total.unknown_lost += tally.unknown_lost;
  }
  std::cout << kills << (is_proxied(campaign.mode) ? " faults, " : " kills, ") << total.done
            << " batches done; of those killed in the middle " << total.unknown_applied << " were applied in whole, "
            << total.unknown_lost << " not at all\n";
  if (campaign.early) {
    std::cout << begun_early << " of the buffers that were killed had begun another segment\n";
    if (begun_early == 0 && !is_cut_short()) {  // few kills need not meet one
      std::cerr << "no buffer had begun another segment, so nothing was tested\n";
      return 1;
    }
  }
  if (total.unknown_applied + total.unknown_lost > 0) return 0;
  std::cerr << "no writer was killed in the middle of a batch, so nothing was tested\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  int kills = 200;
  std::uint64_t seed = std::random_device{}();
  Campaign campaign;
  for (int i = 2; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--buffered") campaign.mode = Mode::buffered;
    if (argument == "--served") campaign.mode = Mode::served;
    if (argument == "--bytes") campaign.mode = Mode::bytes;
    if (argument == "--messages") campaign.mode = Mode::messages;
    if (argument == "--early") campaign.early = true;
    if (argument == "--compressed") campaign.options.codec = parse_codec(codec_names().back());
    if (argument == "--kills" && i + 1 < argc) kills = std::stoi(argv[++i]);
    if (argument == "--seed" && i + 1 < argc) seed = std::stoull(argv[++i]);
  }
  if (argc < 2) {
    std::cerr << "usage: kill_test WORKER [--kills N] [--seed N] [--buffered|--served|--bytes|--messages] "
                 "[--compressed] [--early]\n";
    return 2;
  }
  try {
    return run(argv[1], campaign, campaign_steps(kills), seed);
  } catch (const std::exception& e) {
    std::cerr << "kill_test (seed " << seed << "): " << e.what() << "\n";
    return 1;
  }
}
