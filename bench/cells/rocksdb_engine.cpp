// RocksDB: appends are merges, which it was given for that.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include "engine.hpp"

namespace bench {
namespace {

void check(const rocksdb::Status& status) {
  if (!status.ok()) throw std::runtime_error("RocksDB: " + status.ToString());
}

rocksdb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }

/// Appends as they are, without a delimiter.
class Concatenation : public rocksdb::MergeOperator {
 public:
  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    return join(in.existing_value != nullptr ? *in.existing_value : rocksdb::Slice(), in.operand_list, out->new_value);
  }
  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& operands, std::string* merged,
                         rocksdb::Logger*) const override {
    return join({}, operands, *merged);
  }
  [[nodiscard]] const char* Name() const override { return "Concatenation"; }

 private:
  static bool join(const rocksdb::Slice& front, const auto& operands, std::string& to) {
    std::size_t size = front.size();
    for (const rocksdb::Slice& operand : operands) size += operand.size();
    to.clear();
    to.reserve(size);
    to.append(front.data(), front.size());
    for (const rocksdb::Slice& operand : operands) to.append(operand.data(), operand.size());
    return true;
  }
};

rocksdb::Options make_options(rocksdb::CompressionType compression) {
  constexpr std::size_t mebibyte = std::size_t{1} << 20;
  rocksdb::Options options;
  options.create_if_missing = true;
  options.merge_operator = std::make_shared<Concatenation>();
  options.compression = compression;
  options.write_buffer_size = 128 * mebibyte;
  options.max_write_buffer_number = 4;
  options.max_background_jobs = 2;
  options.allow_concurrent_memtable_write = false;
  options.memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();
  options.target_file_size_base = 128 * mebibyte;
  options.max_bytes_for_level_base = 1024 * mebibyte;
  options.level0_slowdown_writes_trigger = 40;
  options.level0_stop_writes_trigger = 60;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_size = std::size_t{16} << 10;
  table.block_cache = rocksdb::NewLRUCache(64 * mebibyte);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

class RocksSession : public Session {
 public:
  RocksSession(const CellOptions& setup, const std::string& path, bool has_log, rocksdb::CompressionType compression)
      : has_log_(has_log || setup.durable) {
    rocksdb::DB* database = nullptr;
    check(rocksdb::DB::Open(make_options(compression), path, &database));
    database_.reset(database);
    write_options_.disableWAL = !has_log_;
    write_options_.sync = setup.durable;
  }

  void append(std::span<const Entry> batch) override {
    batch_.Clear();
    for (const Entry& entry : batch) check(batch_.Merge(slice_of(entry.key), slice_of(entry.bytes)));
    check(database_->Write(write_options_, &batch_));
  }

  void flush() override {
    if (!has_log_) check(database_->Flush({}));
  }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    std::vector<rocksdb::Slice> slices;
    slices.reserve(keys.size());
    for (const std::string_view key : keys) slices.push_back(slice_of(key));
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    database_->MultiGet({}, database_->DefaultColumnFamily(), keys.size(), slices.data(), values.data(),
                        statuses.data());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!statuses[i].IsNotFound()) check(statuses[i]);
      sink({values[i].data(), values[i].size()});
    }
  }

 private:
  bool has_log_;
  std::unique_ptr<rocksdb::DB> database_;
  rocksdb::WriteOptions write_options_;
  rocksdb::WriteBatch batch_;
};

bool add(const char* name, const char* title, Level level, rocksdb::CompressionType compression) {
  const auto make = [=](const CellOptions& setup) -> Engine {
    const std::string path = setup.directory / "rocksdb";
    return {.open = [=] { return std::make_unique<RocksSession>(setup, path, level == Level::os, compression); },
            .destroy = [=] { check(rocksdb::DestroyDB(path, {})); }};
  };
  const char* const codec = compression == rocksdb::kLZ4Compression ? "lz4" : "";
  return add_engine({name, title, rocksdb::GetRocksVersionAsString(), make, {.level = level, .codec = codec}});
}

const bool are_added = add("rocksdb", "RocksDB, merges", Level::memory, rocksdb::kNoCompression) &&
                       add("rocksdb.wal", "RocksDB, merges, with its log", Level::os, rocksdb::kNoCompression) &&
                       add("rocksdb.lz4", "RocksDB, merges, LZ4", Level::memory, rocksdb::kLZ4Compression);

}  // namespace
}  // namespace bench
