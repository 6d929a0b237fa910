// SQLite: a row for each entry, and a value is the rows of its key.
#include <chrono>
#include <sqlite3.h>

#include "engine.hpp"

namespace bench {
namespace {

using Database = Owned<sqlite3, ::sqlite3_close>;
using Statement = Owned<sqlite3_stmt, ::sqlite3_finalize>;

std::string schema(const CellOptions& setup) {
  // A table without row numbers is for rows of up to a twentieth of a page; it keeps the rows of a key together.
  constexpr std::size_t largest_small_row = 200;
  if (setup.workload.entry_bytes <= largest_small_row)
    return "CREATE TABLE entries (key TEXT, number INTEGER, bytes BLOB, PRIMARY KEY (key, number)) WITHOUT ROWID";
  return "CREATE TABLE entries (number INTEGER PRIMARY KEY, key TEXT, bytes BLOB);"
         "CREATE INDEX entries_by_key ON entries (key)";
}

std::string pragmas(const std::string& journal, const CellOptions& setup) {
  return "PRAGMA cache_size=-262144; PRAGMA mmap_size=2147418112; PRAGMA wal_autocheckpoint=16384;"
         "PRAGMA busy_timeout=600000;" +
         std::string(setup.processes == 1 ? "PRAGMA locking_mode=EXCLUSIVE;" : "") + "PRAGMA journal_mode=" + journal +
         ";PRAGMA synchronous=" + (setup.durable ? "FULL;" : "OFF;");
}

class SqliteSession : public Session {
 public:
  SqliteSession(const std::string& journal, const CellOptions& setup) {
    sqlite3* database = nullptr;
    const int result = ::sqlite3_open((setup.directory / "entries.db").c_str(), &database);
    database_.reset(database);
    check(result);
    execute(pragmas(journal, setup));
  }

  void execute(const std::string& sql) {
    check(::sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr));
  }

  void append(std::span<const Entry> batch) override {
    compile(insert_, "INSERT INTO entries (key, bytes, number) VALUES (?, ?, ?)");
    execute("BEGIN IMMEDIATE");
    // One transaction at a time inserts, and a row takes longer than a nanosecond: the next begins above these numbers,
    // whichever process it is of.
    std::int64_t number = std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
    for (const auto& [key, bytes] : batch) {
      bind_key(insert_, key);
      check(::sqlite3_bind_blob(insert_.get(), 2, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC));
      check(::sqlite3_bind_int64(insert_.get(), 3, number++));
      check(::sqlite3_step(insert_.get()));
      check(::sqlite3_reset(insert_.get()));
    }
    execute("COMMIT");
  }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    compile(select_, "SELECT bytes FROM entries WHERE key = ? ORDER BY number");
    for (const std::string_view key : keys) {
      std::string value;
      bind_key(select_, key);
      while (check(::sqlite3_step(select_.get())) == SQLITE_ROW)
        value.append(static_cast<const char*>(::sqlite3_column_blob(select_.get(), 0)),
                     static_cast<std::size_t>(::sqlite3_column_bytes(select_.get(), 0)));
      check(::sqlite3_reset(select_.get()));
      sink(value);
    }
  }

 private:
  int check(int result) {
    if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW)
      throw std::runtime_error(std::string("SQLite: ") + ::sqlite3_errmsg(database_.get()));
    return result;
  }

  void compile(Statement& statement, const char* sql) {
    if (statement) return;
    sqlite3_stmt* made = nullptr;
    check(::sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr));
    statement.reset(made);
  }

  void bind_key(Statement& statement, std::string_view key) {
    check(::sqlite3_bind_text(statement.get(), 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC));
  }

  Database database_;
  Statement insert_;
  Statement select_;
};

bool add(const char* name, const char* title, const std::string& journal) {
  const auto make = [=](const CellOptions& setup) {
    SqliteSession(journal, setup).execute(schema(setup));
    return Engine{.open = [=] { return std::make_unique<SqliteSession>(journal, setup); }};
  };
  return add_engine({name, title, ::sqlite3_libversion(), make, {.processes = true}});
}

const bool are_added =
    add("sqlite", "SQLite, WAL", "WAL") && add("sqlite.rollback", "SQLite, rollback journal", "TRUNCATE");

}  // namespace
}  // namespace bench
