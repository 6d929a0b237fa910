// Datasets that go with an object.
#include <accrete/accrete.hpp>
#include <utility>

#include "api/datasets.hpp"
#include "base/foreign_errors.hpp"
#include "base/path.hpp"
#include "dataset/directory.hpp"
#include "dataset/sweep.hpp"
#include "os/private_files.hpp"
#include "os/system.hpp"
#include "os/uuid.hpp"

namespace accrete {

class TemporaryDataset::Owner {
 public:
  explicit Owner(std::string url)
      : url_(std::move(url)), process_(process_id()), lock_(create_temporary_dataset(posix_env(), url_)) {}

  ~Owner() {
    if (process_id() != process_) return;
    lock_.reset();  // it must not be open when it is removed (staging.hpp)
    try {
      if (is_temporary()) destroy_dataset(posix_env(), url_);
    } catch (const Error&) {
      // `sweep` removes it once this process is gone.
    }
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  /// Somebody may have made another dataset of it.
  [[nodiscard]] bool is_temporary() const { return load_marker(*open_dataset_directory(posix_env(), url_)).temporary; }

  std::string url_;
  std::int64_t process_;
  std::shared_ptr<DatasetLock> lock_;
};

TemporaryDataset::TemporaryDataset(std::unique_ptr<Owner> owner) noexcept : owner_(std::move(owner)) {}
TemporaryDataset::TemporaryDataset(TemporaryDataset&&) noexcept = default;
TemporaryDataset& TemporaryDataset::operator=(TemporaryDataset&&) noexcept = default;
TemporaryDataset::~TemporaryDataset() = default;

const std::string& TemporaryDataset::url() const noexcept { return owner_->url(); }

TemporaryDataset create_temporary(std::string_view dir) {
  check_no_nul(dir);
  return without_foreign_errors("create a temporary dataset", [&] {
    return TemporaryDataset(
        // Absolute, so that it is found to be removed whatever becomes of the current directory.
        std::make_unique<TemporaryDataset::Owner>(absolute_path(std::string(dir)) + "/" +
                                                  std::string(temporary_prefix) + format_uuid(random_uuid())));
  });
}

}  // namespace accrete
