// The writers of the kill test. Each goes on where its progress ends, until it is killed.
//   worker DATASET NUMBER DIRECTORY     one writer
//   worker DATASET buffered DIRECTORY   all of them, as threads over one buffer
//   worker DATASET serve DIRECTORY      not a writer, but the server
//   worker DATASET buffered-early|serve-early DIRECTORY   either, and segments of the buffer's journal are begun early
//   worker DATASET client-NUMBER DIRECTORY   one writer that is a client of the server
//   worker DATASET proxied-NUMBER DIRECTORY   one that reaches the server through a proxy which harms what goes through
#include <accrete/accrete.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "api/datasets.hpp"
#include "kill/workload.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "layer/compressed/compressed_store.hpp"
#include "net/client.hpp"
#include "server/server.hpp"

namespace {

using namespace accrete;
using namespace accrete::test;

using namespace std::chrono_literals;

constexpr std::uint64_t buffer_bytes = std::uint64_t{1} << 20;
// Enough for a segment to be begun early with as many keys as come; and that so often that many are killed about then.
constexpr std::uint64_t early_buffer_bytes = std::uint64_t{16} << 20;
constexpr std::uint64_t early_write_over_bytes = std::uint64_t{16} << 10;

std::uint32_t number_of(std::string_view text) { return static_cast<std::uint32_t>(std::stoul(std::string(text))); }

class Journal {
 public:
  /// Goes on after its first `size` bytes: a line that a kill has torn is cut off.
  Journal(const std::string& path, std::uint64_t size)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
    if (fd_ < 0 || ::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      throw std::system_error(errno, std::generic_category(), path);
    }
  }

  void note(char what, std::uint64_t number) {
    const std::string line = std::string(1, what) + " " + std::to_string(number) + "\n";
    if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      throw std::system_error(errno, std::generic_category(), "write the progress");
    }
  }

 private:
  int fd_;
};

template <typename AnyStore>
void perform(AnyStore& store, const Action& action) {
  if (action.kind == Action::Kind::erase) {
    store.erase(action.erased_key);
  } else {
    store.append_batch(action.batch.view(), action.batch.options);
  }
}

/// `settle`: what makes an action that has returned survive.
template <typename AnyStore, typename Settle>
void work(AnyStore& store, std::uint32_t worker, const std::string& directory, Settle settle) {
  const std::string progress_file = progress_path(directory, worker);
  const Progress progress = read_progress(progress_file);
  Journal journal(progress_file, progress.size);
  const bool repeats = progress.begun > progress.done && is_repeatable(action(worker, progress.begun));
  for (std::uint64_t number = repeats ? progress.begun : progress.begun + 1;; ++number) {
    const Action next = action(worker, number);
    journal.note('b', number);
    perform(store, next);
    settle();
    journal.note('d', number);
  }
}

void fail(std::string_view worker, const std::exception& error) {
  std::cerr << "worker " << worker << ": " << error.what() << "\n";
  std::quick_exit(1);
}

std::unique_ptr<BufferedStore> open_buffer(const std::string& dataset, std::string_view role) {
  if (!role.ends_with("-early")) {
    return open_buffered_dataset(posix_env(), dataset, {.buffer = BufferOptions{.limit_bytes = buffer_bytes}});
  }
  std::unique_ptr<OwnedDataset> owned = open_owned_dataset(posix_env(), dataset, {});
  OwnedDataset& below = *owned;
  return buffered_dataset(with_codec(std::move(owned), {}), below,
                          {.buffer = {.limit_bytes = early_buffer_bytes},
                           .file_size_limit = posix_env().file_size_limit(),
                           .write_over_bytes = early_write_over_bytes});
}

void work_together(const std::string& dataset, std::string_view role, const std::string& directory) {
  const std::unique_ptr<Store> store = open_buffer(dataset, role);
  std::vector<std::thread> threads;
  for (std::uint32_t worker = 0; worker < worker_count; ++worker) {
    threads.emplace_back([&, worker] {
      try {
        work(*store, worker, directory, [] {});
      } catch (const std::exception& e) {
        fail(std::to_string(worker), e);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::string endpoint_of(const std::string& dataset) { return "ipc://" + dataset + "/.socket"; }

void serve(const std::string& dataset, std::string_view role) {
  const std::unique_ptr<BufferedStore> store = open_buffer(dataset, role);
  server::Server server(*store, {.endpoints = {endpoint_of(dataset)}});
  server.run();
}

/// Half of the clients wait for each batch, the others flush after each.
void work_as_client(const std::string& dataset, std::uint32_t worker, const std::string& directory) {
  const bool waits = worker % 2 == 0;
  const auto ack = waits ? Acknowledgement::each : Acknowledgement::window;
  const std::unique_ptr<Store> store = open(endpoint_of(dataset), {.client = {.ack = ack}});
  work(*store, worker, directory, [&] {
    if (!waits) store->flush();
  });
}

/// False if there was no answer or no connection.
template <typename Call>
bool try_call(Call call) {
  try {
    call();
    return true;
  } catch (const NetworkError&) {
  } catch (const TimeoutError&) {
  } catch (const UnknownOutcomeError&) {
  } catch (const AuthError&) {  // what a harmed handshake looks like
  }
  return false;
}

/// A store whose changes go on until they are known to be made.
class PersistentStore {
 public:
  PersistentStore(const std::string& endpoint, const ClientOptions& options, const Patience& patience) {
    while (!try_call([&] { store_ = connect(endpoint, options, patience); })) {
    }
  }

  void erase(const std::string& key) {
    while (!try_call([&] { store_->erase(key); })) {
    }
  }
  /// One that was sent is sent again with its id, and so applied once; any other that throws is not in the window.
  void append_batch(std::span<const Entry> entries, AppendOptions options) {
    const auto append = [&] {
      try {
        store_->append_batch(entries, options);
      } catch (const UnknownOutcomeError& error) {
        if (error.batch()) options.id = error.batch();
        throw;
      }
    };
    while (!try_call(append)) {
    }
  }
  void flush() {
    while (!try_call([&] { store_->flush(); })) {
    }
  }

 private:
  std::unique_ptr<Store> store_;
};

void work_through_proxy(std::uint32_t worker, const std::string& directory) {
  const auto ack = worker % 2 == 0 ? Acknowledgement::each : Acknowledgement::window;
  const ClientOptions options{.timeout = 1s, .ack = ack};
  const Patience patience{.greeting = 200ms, .silence = 50ms, .ping = 200ms, .no_progress = 200ms};
  const std::string endpoint = "ipc://" + proxy_path(directory);
  PersistentStore store(endpoint, options, patience);
  work(store, worker, directory, [&] { store.flush(); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: worker DATASET NUMBER|buffered[-early]|serve[-early]|client-NUMBER|proxied-NUMBER DIRECTORY\n";
    return 2;
  }
  // Without whoever kills it, it would append until the disk is full.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() == 1) return 1;
  try {
    const std::string_view which = argv[2];
    if (which.starts_with("buffered")) {
      work_together(argv[1], which, argv[3]);
    } else if (which.starts_with("serve")) {
      serve(argv[1], which);
    } else if (which.starts_with("client-")) {
      work_as_client(argv[1], number_of(which.substr(which.find('-') + 1)), argv[3]);
    } else if (which.starts_with("proxied-")) {
      work_through_proxy(number_of(which.substr(which.find('-') + 1)), argv[3]);
    } else {
      work(*open(argv[1]), number_of(which), argv[3], [] {});
    }
  } catch (const std::exception& e) {
    fail(argv[2], e);
  }
  return 1;
}
