#include "os/process_resources.hpp"

#include <accrete/error.hpp>
#include <cerrno>
#include <future>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <vector>

#include "os/descriptor.hpp"
#include "os/thread.hpp"

namespace accrete {
namespace {

std::string message_of(int error) { return std::error_code(error, std::generic_category()).message(); }

}  // namespace

std::string lacking_resources(std::size_t descriptors, std::size_t threads) {
  std::vector<Descriptor> taken;
  taken.reserve(descriptors);
  while (taken.size() < descriptors) {
    const int descriptor = ::eventfd(0, EFD_CLOEXEC);
    if (descriptor < 0) {
      return "it needs " + std::to_string(descriptors) + " descriptors (" + message_of(errno) +
             "); close files, or raise ulimit -n";
    }
    taken.emplace_back(descriptor);
  }
  std::promise<void> go;
  const std::shared_future<void> gone = go.get_future().share();
  std::vector<std::thread> started;
  started.reserve(threads);
  std::string lacking;
  try {
    while (started.size() < threads) started.push_back(start_thread([gone] { gone.wait(); }));
  } catch (const IoError& error) {
    lacking = "it needs " + std::to_string(threads) + " threads (" + message_of(error.code().value()) +
              "); end others, or raise ulimit -u or the limit of the cgroup";
  } catch (const std::exception&) {
    lacking = "it needs memory for " + std::to_string(threads) + " threads";
  }
  go.set_value();
  for (std::thread& thread : started) thread.join();
  return lacking;
}

}  // namespace accrete
