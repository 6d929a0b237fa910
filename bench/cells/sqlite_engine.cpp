// SQLite: a row for each entry, and a value is the rows of its key.
#include <chrono>
#include <sqlite3.h>

#include "engine.hpp"

namespace bench {
namespace {

struct Free {
  void operator()(sqlite3* database) const noexcept { ::sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const noexcept { ::sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Free>;

void check(sqlite3* database, int result) {
  if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW)
    throw std::runtime_error(std::string("SQLite: ") + ::sqlite3_errmsg(database));
}

class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    sqlite3_stmt* statement = nullptr;
    check(database, ::sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    statement_.reset(statement);
  }

  /// Borrows the bytes.
  void bind_text(int place, std::string_view text) {
    check(database_, ::sqlite3_bind_text(statement_.get(), place, text.data(), static_cast<int>(text.size()), nullptr));
  }
  /// As above.
  void bind_bytes(int place, std::string_view bytes) {
    check(database_,
          ::sqlite3_bind_blob(statement_.get(), place, bytes.data(), static_cast<int>(bytes.size()), nullptr));
  }
  void bind_number(int place, std::int64_t number) {
    check(database_, ::sqlite3_bind_int64(statement_.get(), place, number));
  }

  /// Whether there is a row.
  bool step() {
    const int result = ::sqlite3_step(statement_.get());
    check(database_, result);
    return result == SQLITE_ROW;
  }
  void reset() { check(database_, ::sqlite3_reset(statement_.get())); }
  void run() {
    step();
    reset();
  }

  /// The first column of the row, until the next step.
  [[nodiscard]] std::string_view bytes() {
    const auto* const bytes = static_cast<const char*>(::sqlite3_column_blob(statement_.get(), 0));
    return {bytes, static_cast<std::size_t>(::sqlite3_column_bytes(statement_.get(), 0))};
  }

 private:
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Free> statement_;
};

struct Kind {
  bool log = true;
};

/// A table without row numbers is for rows of up to a twentieth of a page; it keeps the rows of a key together.
bool rows_are_small(const CellOptions& setup) {
  constexpr std::size_t limit = 200;
  return setup.workload.entry_bytes <= limit;
}

const char* schema(const CellOptions& setup) {
  if (rows_are_small(setup)) {
    return "CREATE TABLE entries (key TEXT, number INTEGER, bytes BLOB, PRIMARY KEY (key, number)) WITHOUT ROWID";
  }
  return "CREATE TABLE entries (number INTEGER PRIMARY KEY, key TEXT, bytes BLOB);"
         "CREATE INDEX entries_by_key ON entries (key)";
}

std::string pragmas(const Kind& kind, const CellOptions& setup) {
  std::string text = "PRAGMA cache_size=-262144; PRAGMA mmap_size=2147418112; PRAGMA wal_autocheckpoint=16384;";
  if (setup.processes == 1) text += "PRAGMA locking_mode=EXCLUSIVE;";
  text += kind.log ? "PRAGMA journal_mode=WAL;" : "PRAGMA journal_mode=TRUNCATE;";
  return text + (setup.durable ? "PRAGMA synchronous=FULL;" : "PRAGMA synchronous=OFF;");
}

void execute(sqlite3* database, const char* sql) {
  check(database, ::sqlite3_exec(database, sql, nullptr, nullptr, nullptr));
}

Database open_database(const std::string& path, const Kind& kind, const CellOptions& setup) {
  constexpr int patience_ms = 600'000;
  sqlite3* opened = nullptr;
  const int result = ::sqlite3_open(path.c_str(), &opened);
  Database database(opened);
  check(opened, result);
  check(opened, ::sqlite3_busy_timeout(opened, patience_ms));
  execute(opened, pragmas(kind, setup).c_str());
  return database;
}

class SqliteSession : public Session {
 public:
  SqliteSession(const std::string& path, const Kind& kind, const CellOptions& setup)
      : database_(open_database(path, kind, setup)),
        begin_(database_.get(), "BEGIN IMMEDIATE"),
        commit_(database_.get(), "COMMIT"),
        insert_(database_.get(), "INSERT INTO entries (key, bytes, number) VALUES (?, ?, ?)"),
        select_(database_.get(), "SELECT bytes FROM entries WHERE key = ? ORDER BY number") {}

  void append(std::span<const Entry> batch) override {
    begin_.run();
    // One transaction at a time inserts, and a row takes longer than a nanosecond: the next begins above these numbers,
    // whichever process it is of.
    std::int64_t number = std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
    for (const Entry& entry : batch) {
      insert_.bind_text(1, entry.key);
      insert_.bind_bytes(2, entry.bytes);
      insert_.bind_number(3, number++);
      insert_.run();
    }
    commit_.run();
  }

  void get(std::span<const std::string_view> keys, const Sink& sink) override {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      std::string value;
      select_.bind_text(1, keys[i]);
      while (select_.step()) value += select_.bytes();
      select_.reset();
      sink(i, value);
    }
  }

 private:
  Database database_;
  Statement begin_;
  Statement commit_;
  Statement insert_;
  Statement select_;
};

Engine make_engine(const Kind& kind, const CellOptions& setup) {
  const std::filesystem::path directory = setup.directory / "sqlite";
  const std::string path = directory / "entries.db";
  std::filesystem::create_directory(directory);
  execute(open_database(path, kind, setup).get(), schema(setup));
  return {.open = [=] { return std::make_unique<SqliteSession>(path, kind, setup); },
          .destroy = [=] { std::filesystem::remove_all(directory); }};
}

EngineType make_type(const char* name, const char* title, const Kind& kind) {
  return {.description =
              {.name = name, .title = title, .version = ::sqlite3_libversion(), .level = Level::os, .processes = true},
          .make = [kind](const CellOptions& setup) { return make_engine(kind, setup); }};
}

const bool are_added = add_engine(make_type("sqlite", "SQLite, WAL", {})) &&
                       add_engine(make_type("sqlite.rollback", "SQLite, rollback journal", {.log = false}));

}  // namespace
}  // namespace bench
