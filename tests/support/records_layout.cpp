#include "support/records_layout.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <functional>
#include <utility>

#include "base/bytes.hpp"
#include "base/entries.hpp"
#include "base/record.hpp"
#include "dataset/attribute_file.hpp"
#include "dataset/directory.hpp"
#include "dataset/names.hpp"
#include "dataset/replace_file.hpp"
#include "layer/compressed/compressed_store.hpp"
#include "os/dataset_lock.hpp"
#include "store/applied_batch.hpp"

namespace accrete::test {
namespace {

constexpr const char* records_name = "records";
constexpr const char* layered_name = "layered";
constexpr const char* failed_sync_name = "failed_sync";
constexpr std::uint64_t nonce = 7;

//   payload = %x01 [writer:16 sequence:u64] entries / %x02 entries / %x03 key / %x04     ; batch, with an id or without
//   /
//                                                                                        ; erase / drop
constexpr char batch_with_id_kind = 1;
constexpr char batch_kind = 2;
constexpr char erase_kind = 3;
constexpr char drop_kind = 4;

std::string begin_record(char kind) { return std::string(record_header_size, '\0') + kind; }

/// For who has the dataset's lock. Reads what others have written since, and keeps all of it in memory.
class Records final : public OwnedDataset {
 public:
  explicit Records(const DatasetDirectory& dataset) : directory_(dataset.directory), marker_(dataset.marker) {}

  void catch_up() {
    if (!directory_->info(marker_name))
      throw NotFoundError("the dataset " + directory_->path() + " has been destroyed");
    if (!file_) file_ = directory_->open(records_name, OpenMode::write);
    std::string bytes(file_->size() - end_, '\0');
    bytes.resize(file_->read_at(end_, bytes));
    std::string_view left = bytes;
    while (const auto payload = next_payload(left)) apply(*payload);
  }

  [[nodiscard]] bool is_layered() const { return directory_->info(layered_name).has_value(); }

  [[nodiscard]] const Marker& marker() const noexcept override { return marker_; }
  [[nodiscard]] Directory& directory() noexcept override { return *directory_; }
  void end_unfinished_change() override { catch_up(); }
  [[nodiscard]] std::optional<std::uint64_t> stored_size(std::string_view key) const override { return size(key); }
  [[nodiscard]] std::vector<BatchId> session_sequences() const override { return {}; }
  [[nodiscard]] std::uint64_t forgotten_writers() const override { return 0; }
  [[nodiscard]] std::uint64_t session_secret() override { return nonce; }
  void forget_writer(const BatchId&) override {}
  void check_removable(std::optional<std::string_view>) const override {}
  void set_layered(bool layered) override {
    if (layered && !is_layered()) write_new(*directory_, layered_name, "");
    if (!layered) remove_if_there(*directory_, layered_name);
    directory_->sync();
  }
  void note_failed_sync() noexcept override {
    try {
      if (!has_failed_sync()) write_new(*directory_, failed_sync_name, "");
    } catch (const Error&) {
      // The next sync fails, too.
    }
  }
  [[nodiscard]] bool has_failed_sync() const override { return directory_->info(failed_sync_name).has_value(); }
  void check_no_sync_failed() const override {
    if (has_failed_sync()) throw IoError("a sync has failed before", std::make_error_code(std::errc::io_error));
  }

 private:
  void with_shared_lock(const std::function<void(Directory&)>& read) const override { read(*directory_); }
  void with_exclusive_lock(const std::function<void(Directory&)>& change) override { change(*directory_); }
  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    if (is_applied(*memory_, options.id)) return;
    std::string record = begin_record(options.id ? batch_with_id_kind : batch_kind);
    if (options.id) {
      record += as_string_view(options.id->writer);
      append_le(record, options.id->sequence);
    }
    encode_entries(entries, record);
    change(std::move(record), [&] { memory_->append_batch(entries, options); });
    if (options.sync) do_sync();
  }
  std::string do_get(std::string_view key) const override { return memory_->get(key); }
  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return memory_->get_batch(keys);
  }
  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    return memory_->get_range(key, offset, size);
  }
  std::optional<std::uint64_t> do_size(std::string_view key) const override { return memory_->size(key); }
  std::vector<KeySize> do_list(const ListOptions& options) const override { return memory_->list(options); }
  std::uint64_t do_removals() const override { return memory_->removals(); }
  Stats do_stats() const override { return memory_->stats(); }
  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return memory_->last_sequence(writer);
  }
  void do_erase(std::string_view key) override {
    change(begin_record(erase_kind) + std::string(key), [&] { memory_->erase(key); });
  }
  void do_drop() override {
    change(begin_record(drop_kind), [&] { memory_->drop(); });
  }
  void do_flush() override {}
  void do_sync() override {
    check_no_sync_failed();
    file_->sync();
  }

  /// In memory first, which may refuse it; what cannot be written is forgotten there again.
  template <typename Apply>
  void change(std::string record, Apply apply) {
    apply();
    try {
      if (file_->size() > end_) file_->truncate(end_);  // what a writer that was killed has left of a record
      seal_record(record, nonce, end_, 0);
      file_->write_at(end_, record);
      end_ += record.size();
    } catch (...) {
      memory_ = memory_store();
      end_ = 0;
      throw;
    }
  }

  std::optional<std::string> next_payload(std::string_view& left) {
    const auto header = try_decode_record_header(left, nonce, end_);
    if (!header || left.size() < record_size(header->size)) return std::nullopt;
    std::string payload(left.substr(record_header_size, header->size));
    if (!is_whole(*header, payload, nonce, end_)) return std::nullopt;
    left.remove_prefix(record_size(header->size));
    end_ += record_size(header->size);
    return payload;
  }

  void apply(std::string_view payload) {
    ByteReader reader(payload.substr(1));
    if (payload[0] == erase_kind) return memory_->erase(payload.substr(1));
    if (payload[0] == drop_kind) return memory_->drop();
    AppendOptions options;
    if (payload[0] == batch_with_id_kind) {
      BatchId id;
      const std::string_view writer = reader.bytes(id.writer.size());
      std::ranges::copy(as_byte_span(writer), id.writer.begin());
      id.sequence = reader.integer<std::uint64_t>();
      options.id = id;
    }
    std::vector<Entry> entries;
    if (!try_decode_entries(reader, entries)) throw CorruptionError("a record holds no entries");
    memory_->append_batch(entries, options);
  }

  const std::shared_ptr<Directory> directory_;
  const Marker marker_;
  std::unique_ptr<File> file_;
  std::unique_ptr<Store> memory_ = memory_store();
  std::uint64_t end_ = 0;
};

/// Takes the lock for each call.
class LockedRecords final : public OwnedDataset {
 public:
  LockedRecords(DatasetDirectory dataset, std::shared_ptr<DatasetLock> lock, const OpenOptions& options)
      : layers_(dataset.layers), lock_(std::move(lock)), timeout_(options.lock_timeout), records_(dataset) {
    (void)stats();
  }

  [[nodiscard]] const Marker& marker() const noexcept override { return records_.marker(); }
  [[nodiscard]] Directory& directory() noexcept override { return records_.directory(); }
  void end_unfinished_change() override { (void)stats(); }
  [[nodiscard]] std::optional<std::uint64_t> stored_size(std::string_view key) const override { return size(key); }
  [[nodiscard]] std::vector<BatchId> session_sequences() const override { return {}; }
  [[nodiscard]] std::uint64_t forgotten_writers() const override { return 0; }
  [[nodiscard]] std::uint64_t session_secret() override { return records_.session_secret(); }
  void forget_writer(const BatchId&) override {}
  void check_removable(std::optional<std::string_view>) const override {}
  void set_layered(bool layered) override {
    keeps_layer_ = layered;
    records_.set_layered(layered);
  }
  void note_failed_sync() noexcept override { records_.note_failed_sync(); }
  [[nodiscard]] bool has_failed_sync() const override { return records_.has_failed_sync(); }
  void check_no_sync_failed() const override { records_.check_no_sync_failed(); }

 private:
  template <typename Call>
  auto locked(Call call) const {
    const DatasetLock::Guard guard = lock_->exclusive(timeout_);
    records_.catch_up();
    if (!keeps_layer_ && (records_.is_layered() || layers_.is_due(records_.directory()))) {
      (void)layers_.recover(records_, Misfit::refuse);
      records_.set_layered(false);
      layers_.remove_files(records_.directory());
    }
    return call(static_cast<Store&>(records_));
  }

  void with_shared_lock(const std::function<void(Directory&)>& read) const override {
    locked([&](Store&) { read(records_.directory()); });
  }
  void with_exclusive_lock(const std::function<void(Directory&)>& change) override {
    locked([&](Store&) { change(records_.directory()); });
  }
  void do_append_batch(std::span<const Entry> entries, const AppendOptions& options) override {
    locked([&](Store& store) { store.append_batch(entries, options); });
  }
  std::string do_get(std::string_view key) const override {
    return locked([&](Store& store) { return store.get(key); });
  }
  std::vector<std::string> do_get_batch(std::span<const std::string_view> keys) const override {
    return locked([&](Store& store) { return store.get_batch(keys); });
  }
  std::string do_get_range(std::string_view key, std::uint64_t offset, std::uint64_t size) const override {
    return locked([&](Store& store) { return store.get_range(key, offset, size); });
  }
  std::optional<std::uint64_t> do_size(std::string_view key) const override {
    return locked([&](Store& store) { return store.size(key); });
  }
  std::vector<KeySize> do_list(const ListOptions& options) const override {
    return locked([&](Store& store) { return store.list(options); });
  }
  std::uint64_t do_removals() const override {
    return locked([&](Store& store) { return store.removals(); });
  }
  Stats do_stats() const override {
    return locked([&](Store& store) { return store.stats(); });
  }
  std::optional<std::uint64_t> do_last_sequence(const WriterId& writer) const override {
    return locked([&](Store& store) { return store.last_sequence(writer); });
  }
  void do_erase(std::string_view key) override {
    locked([&](Store& store) { store.erase(key); });
  }
  void do_drop() override {
    locked([&](Store& store) { store.drop(); });
  }
  void do_flush() override {}
  void do_sync() override {
    locked([&](Store& store) { store.sync(); });
  }

  const LayerRecovery& layers_;
  const std::shared_ptr<DatasetLock> lock_;
  const std::chrono::milliseconds timeout_;
  mutable Records records_;
  bool keeps_layer_ = false;
};

class RecordsLayout final : public Layout {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "records"; }

  void initialize(Env&, Directory& directory) const override { write_new(directory, records_name, ""); }

  void note_failed_sync(Directory& directory) const override { write_new(directory, failed_sync_name, ""); }

  [[nodiscard]] std::unique_ptr<Dataset> open(Env&, DatasetDirectory dataset,
                                              const OpenOptions& options) const override {
    std::shared_ptr<DatasetLock> lock = dataset.directory->lock(lock_name);
    return std::make_unique<LockedRecords>(std::move(dataset), std::move(lock), options);
  }

  [[nodiscard]] std::unique_ptr<OwnedDataset> open_owned(Env&, DatasetDirectory dataset,
                                                         const OpenOptions& options) const override {
    std::shared_ptr<DatasetLock> lock = own(dataset.directory->lock(lock_name), options.lock_timeout);
    return std::make_unique<LockedRecords>(std::move(dataset), std::move(lock), options);
  }

  [[nodiscard]] VerifyReport verify(Env&, const std::shared_ptr<Directory>& directory, const LayerRecovery& layers,
                                    const VerifyOptions& options) const override {
    const std::shared_ptr<DatasetLock> lock = directory->lock(lock_name);
    const DatasetLock::Guard guard = lock->exclusive(OpenOptions{}.lock_timeout);
    auto records = std::make_unique<Records>(
        DatasetDirectory{.directory = directory, .marker = load_marker(*directory), .layers = layers});
    records->catch_up();
    VerifyReport report;
    if (layers.is_due(*directory)) report.problems.emplace_back(layers.what());
    if (records->has_failed_sync()) report.problems.emplace_back("a sync has failed");
    verify_attributes(*directory, options.repair, report);
    report.counted = with_codec(std::move(records), {})->stats();
    return report;
  }

  [[nodiscard]] std::optional<Process> owner(Directory&) const override { return std::nullopt; }

  [[nodiscard]] std::optional<std::string> find_foreign(const Directory&) const override { return std::nullopt; }
  void check_removable(const Directory&) const override {}
  void mark_destroyed(Directory&) const override {}  // that its marker is gone says it
  void remove_values(Directory& directory) const override {
    for (const char* const name : {records_name, layered_name, failed_sync_name}) remove_if_there(directory, name);
  }
};

}  // namespace

const Layout& records_layout() noexcept {
  static const RecordsLayout layout;
  return layout;
}

}  // namespace accrete::test
