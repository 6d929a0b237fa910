// A new dataset whose operations can be made to fail.
#pragma once

#include <memory>
#include <string>

#include "api/datasets.hpp"
#include "support/fault_env.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {

class FaultDataset {
 public:
  FaultDataset() { create_dataset(env_, url(), {}); }

  [[nodiscard]] FaultEnv& env() noexcept { return env_; }
  [[nodiscard]] std::string url() const { return directory_ / "dataset"; }
  [[nodiscard]] std::string file(const std::string& name) const { return url() + "/" + name; }
  [[nodiscard]] std::string beside(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::unique_ptr<Store> open(const OpenOptions& options = {}) {
    return open_dataset(env_, url(), options);
  }
  VerifyReport verify(const VerifyOptions& options = {}) { return verify_dataset(env_, url(), options); }

 private:
  TemporaryDirectory directory_{memory_directory()};
  FaultEnv env_{posix_env(), FaultEnv::Syncs::counted};
};

}  // namespace accrete::test
