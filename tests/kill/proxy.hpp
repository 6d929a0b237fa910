// What stands between clients and their server and harms what goes through.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace accrete::test {

/// Listens at a socket and connects each who comes there to the server, in a thread of its own, until it is destroyed.
class Proxy {
 public:
  Proxy() = default;
  virtual ~Proxy() = default;
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  /// How often it has done harm so far.
  [[nodiscard]] virtual int faults() const noexcept = 0;
};

/// Bytes come late, twice, in another order or changed, and connections are cut.
[[nodiscard]] std::unique_ptr<Proxy> byte_proxy(const std::string& listen_path, const std::string& server_path,
                                                std::uint64_t seed);

/// Whole messages come late, twice, in another order or not at all.
[[nodiscard]] std::unique_ptr<Proxy> message_proxy(const std::string& listen_path, const std::string& server_path,
                                                   std::uint64_t seed);

}  // namespace accrete::test
