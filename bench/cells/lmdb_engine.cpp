// LMDB: a record for each entry, and a value is those from its key on.
#include <lmdb.h>

#include "engine.hpp"

namespace bench {
namespace {

void check(int result) {
  if (result != MDB_SUCCESS) throw std::runtime_error(std::string("LMDB: ") + ::mdb_strerror(result));
}

MDB_val value_of(std::string_view text) {
  return {.mv_size = text.size(), .mv_data = const_cast<char*>(text.data())};  // LMDB does not write to it
}

std::string_view view_of(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

using Environment = Owned<MDB_env, ::mdb_env_close>;
using Transaction = Owned<MDB_txn, ::mdb_txn_abort>;
using OpenCursor = Owned<MDB_cursor, ::mdb_cursor_close>;

class LmdbSession : public Session {
 public:
  explicit LmdbSession(const CellOptions& setup) {
    // Room for records of twice the size, in pages half full, and for what is copied on write.
    constexpr std::size_t record_overhead = 64;
    constexpr std::size_t slack = std::size_t{1} << 30;
    const std::size_t room = setup.workload.appends * (setup.workload.entry_bytes + record_overhead) * 4 + slack;
    const unsigned flags = MDB_WRITEMAP | (setup.durable ? 0U : unsigned{MDB_NOSYNC});
    MDB_env* environment = nullptr;
    check(::mdb_env_create(&environment));
    environment_.reset(environment);
    check(::mdb_env_set_mapsize(environment, room));
    check(::mdb_env_open(environment, setup.directory.c_str(), flags, 0666));
    const Transaction transaction = begin(0);
    check(::mdb_dbi_open(transaction.get(), nullptr, 0, &database_));
  }

  void append(std::span<const Entry> batch) override {
    Transaction transaction = begin(0);
    // Of this transaction alone, and above those of the ones before: whichever process they were of.
    std::uint64_t number = std::uint64_t{::mdb_txn_id(transaction.get())} << 24U;
    for (const Entry& entry : batch) {
      const NumberedKey numbered(entry.key, number++);
      MDB_val key = value_of(numbered.view());
      MDB_val bytes = value_of(entry.bytes);
      check(::mdb_put(transaction.get(), database_, &key, &bytes, 0));
    }
    check(::mdb_txn_commit(transaction.release()));
  }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    const Transaction transaction = begin(MDB_RDONLY);
    MDB_cursor* cursor = nullptr;
    check(::mdb_cursor_open(transaction.get(), database_, &cursor));
    const OpenCursor closer(cursor);
    for (const std::string_view key : keys) {
      std::string value;
      const NumberedKey first(key, 0);
      MDB_val found = value_of(first.view());
      MDB_val bytes{};
      int result = ::mdb_cursor_get(cursor, &found, &bytes, MDB_SET_RANGE);
      for (; result == MDB_SUCCESS && view_of(found).starts_with(key);
           result = ::mdb_cursor_get(cursor, &found, &bytes, MDB_NEXT))
        value += view_of(bytes);
      if (result != MDB_NOTFOUND) check(result);
      sink(value);
    }
  }

 private:
  [[nodiscard]] Transaction begin(unsigned flags) const {
    MDB_txn* transaction = nullptr;
    check(::mdb_txn_begin(environment_.get(), nullptr, flags, &transaction));
    return Transaction(transaction);
  }

  Environment environment_;
  MDB_dbi database_ = 0;
};

const std::string version = std::to_string(MDB_VERSION_MAJOR) + "." + std::to_string(MDB_VERSION_MINOR) + "." +
                            std::to_string(MDB_VERSION_PATCH);
const bool is_added = add_engine({"lmdb", "LMDB", version, engine_of<LmdbSession>, {.processes = true}});

}  // namespace
}  // namespace bench
