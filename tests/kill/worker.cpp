// One writer of the kill test: worker DATASET NUMBER PROGRESS. Goes on where its journal ends, until it is killed.
#include <accrete/accrete.hpp>
#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <string>
#include <system_error>
#include <unistd.h>

#include "kill/workload.hpp"

namespace {

using namespace accrete;
using namespace accrete::test;

class Journal {
 public:
  explicit Journal(const std::string& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path);
  }

  // One write a line, so that a kill cannot tear it.
  void note(char what, std::uint64_t number) {
    const std::string line = std::string(1, what) + " " + std::to_string(number) + "\n";
    if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      throw std::system_error(errno, std::generic_category(), "write the progress");
    }
  }

 private:
  int fd_;
};

void perform(Store& store, const Action& action) {
  if (action.kind == Action::Kind::erase) {
    store.erase(action.erased_key);
  } else {
    store.append_batch(action.batch.view(), action.batch.options);
  }
}

void work(const std::string& dataset, std::uint32_t worker, const std::string& progress_file) {
  const Progress progress = read_progress(progress_file);
  Journal journal(progress_file);
  const std::unique_ptr<Store> store = open(dataset);
  const bool repeats = progress.begun > progress.done && is_repeatable(action(worker, progress.begun));
  for (std::uint64_t number = repeats ? progress.begun : progress.begun + 1;; ++number) {
    const Action next = action(worker, number);
    journal.note('b', number);
    perform(*store, next);
    journal.note('d', number);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: worker DATASET NUMBER PROGRESS\n";
    return 2;
  }
  try {
    work(argv[1], static_cast<std::uint32_t>(std::stoul(argv[2])), argv[3]);
  } catch (const std::exception& e) {
    std::cerr << "worker " << argv[2] << ": " << e.what() << "\n";
  }
  return 1;
}
