// LevelDB: a record for each entry, and a value is those from its key on.
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/write_batch.h>

#include "engine.hpp"

namespace bench {
namespace {

void check(const leveldb::Status& status) {
  if (!status.ok()) throw std::runtime_error("LevelDB: " + status.ToString());
}

leveldb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }

std::string_view view_of(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

class LevelSession : public Session {
 public:
  LevelSession(const CellOptions& setup, const std::string& path) {
    constexpr std::size_t mebibyte = std::size_t{1} << 20;
    leveldb::Options options;
    options.create_if_missing = true;
    options.compression = leveldb::kNoCompression;
    options.write_buffer_size = 64 * mebibyte;
    options.max_file_size = 32 * mebibyte;
    options.block_size = std::size_t{16} << 10;
    options.block_cache = cache_.get();
    leveldb::DB* database = nullptr;
    check(leveldb::DB::Open(options, path, &database));
    database_.reset(database);
    write_options_.sync = setup.durable;
  }

  void append(std::span<const Entry> batch) override {
    batch_.Clear();
    for (const Entry& entry : batch)
      batch_.Put(slice_of(NumberedKey(entry.key, number_++).view()), slice_of(entry.bytes));
    check(database_->Write(write_options_, &batch_));
  }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    const std::unique_ptr<leveldb::Iterator> records(database_->NewIterator({}));
    for (const std::string_view key : keys) {
      std::string value;
      records->Seek(slice_of(key));
      for (; records->Valid() && view_of(records->key()).starts_with(key); records->Next())
        value += view_of(records->value());
      check(records->status());
      sink(value);
    }
  }

 private:
  std::unique_ptr<leveldb::Cache> cache_{leveldb::NewLRUCache(std::size_t{64} << 20)};
  std::unique_ptr<leveldb::DB> database_;
  leveldb::WriteOptions write_options_;
  leveldb::WriteBatch batch_;
  std::uint64_t number_ = 0;  // one process appends, and only to what it has made
};

Engine make_engine(const CellOptions& setup) {
  const std::string path = setup.directory / "leveldb";
  return {.open = [=] { return std::make_unique<LevelSession>(setup, path); },
          .destroy = [=] { check(leveldb::DestroyDB(path, {})); }};
}

const std::string version = std::to_string(leveldb::kMajorVersion) + "." + std::to_string(leveldb::kMinorVersion);
const bool is_added = add_engine({"leveldb", "LevelDB", version, make_engine});

}  // namespace
}  // namespace bench
