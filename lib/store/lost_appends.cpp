#include "store/lost_appends.hpp"

#include <exception>
#include <string>

#include "os/standard_streams.hpp"

namespace accrete {

void tell_lost_appends(const LostAppendsHandler& handler, std::string_view what) noexcept {
  try {
    if (handler) return handler(what);
    write_to(StandardStream::error, "accrete: " + std::string(what) + "\n");
  } catch (...) {  // of the handler's making, or nobody reads
  }
}

}  // namespace accrete
