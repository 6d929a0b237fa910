// Which batches have been applied is remembered for users for ever and for clients' sessions as long as they may come
// again; and nobody can say an id that stands for somebody else's session.
#include <accrete/accrete.hpp>
#include <array>
#include <doctest/doctest.h>
#include <filesystem>

#include "api/datasets.hpp"
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "base/own_writer.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "layout/files/control.hpp"
#include "layout/files/writers.hpp"
#include "os/system.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/model.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

constexpr std::uint64_t highest = std::uint64_t{1} << 60;

class Served {
 public:
  Served() { create(path()); }

  [[nodiscard]] std::string path() const { return directory_ / "dataset"; }

  [[nodiscard]] std::unique_ptr<BufferedStore> open(Durability durability = Durability::os) const {
    return open_buffered_dataset(posix_env(), path(), {.buffer = BufferOptions{}, .durability = durability});
  }

  [[nodiscard]] std::uint64_t writers_size() const { return std::filesystem::file_size(path() + "/.writers"); }

 private:
  TemporaryDirectory directory_;
};

void append_in_session(BufferedStore& store, const BatchId& session, std::string_view bytes) {
  const Entry entry{"key", bytes};
  SubmittedBatch batch{.entries = {&entry, 1}, .session = session};
  store.append_batches({&batch, 1});
  REQUIRE_FALSE(batch.failure);
}

std::optional<std::uint64_t> last_sequence_in(const BufferedStore& store, const WriterId& session) {
  return store.last_sequence(store.session_writer(session));
}

/// Slots in use, of a dataset that nobody has open.
std::size_t count_writers(const std::string& path) {
  const std::string table = read_file(path + "/.writers");
  std::size_t count = 0;
  for (std::size_t at = Writers::header_size; at + Writers::slot_size <= table.size(); at += Writers::slot_size) {
    constexpr std::size_t sequence_offset = 16;
    count += load_le<std::uint64_t>(as_byte_span(table).subspan(at + sequence_offset).first<8>()) > 0 ? 1 : 0;
  }
  return count;
}

TEST_CASE("an id that a client says is never taken for a session, nor a session for an id") {
  for (const Durability durability : {Durability::memory, Durability::os, Durability::sync}) {
    const Served served;
    const WriterId session = random_uuid();
    const WriterId user = writer_id(7);
    {
      const auto store = served.open(durability);
      append_in_session(*store, {session, 1}, "1;");
      const Entry harmful{"harmful", "x"};
      store->append_batch({&harmful, 1}, {.id = BatchId{session, highest}});
      append_in_session(*store, {user, highest}, "2;");
      store->flush();
      append_in_session(*store, {session, 2}, "3;");
      const Entry entry{"key", "4;"};
      store->append_batch({&entry, 1}, {.id = BatchId{user, 1}});
      CHECK(store->get("key") == "1;2;3;4;");
      CHECK(last_sequence_in(*store, session) == 2);
      CHECK(store->last_sequence(session) == highest);
      CHECK(store->last_sequence(user) == 1);
    }
    const auto store = served.open(durability);
    CHECK(last_sequence_in(*store, session) == 2);
    append_in_session(*store, {session, 2}, "again;");
    append_in_session(*store, {session, 3}, "5;");
    CHECK(store->get("key") == "1;2;3;4;5;");
  }
}

TEST_CASE("the ids by which datasets of before knew their journals harm nobody") {
  const Served served;
  const std::string uuid = info(served.path()).uuid;
  {
    const auto store = served.open();
    const Entry entry{"key", "1;"};
    for (const std::string& name : {"accrete buffer" + uuid, "accrete replay" + uuid}) {
      store->append_batch({&entry, 1}, {.id = BatchId{hash128(name), highest}});
    }
    store->append("key", "2;");
    store->flush();
    store->append("key", "3;");
    std::filesystem::copy(served.path(), served.path() + "-killed", std::filesystem::copy_options::recursive);
  }
  CHECK(open(served.path() + "-killed")->get("key") == "1;1;2;3;");
  destroy(served.path() + "-killed");
}

TEST_CASE("sessions that have said goodbye leave nothing, whichever way their batches went") {
  const Served served;
  const std::string large(std::size_t{64} << 10, 'L');
  const auto live = [&](int sessions) {
    const auto store = served.open();
    for (int i = 0; i < sessions; ++i) {
      const WriterId session = random_uuid();
      append_in_session(*store, {session, 1}, i % 2 == 0 ? large : "small;");
      store->flush();
      CHECK(last_sequence_in(*store, session) == 1);
      store->end_session(session, {});
      CHECK_FALSE(last_sequence_in(*store, session));
    }
  };
  live(3);
  const std::uint64_t size = served.writers_size();
  live(100);
  CHECK(served.writers_size() == size);
}

TEST_CASE("sessions that have said goodbye leave nothing behind a kill, whatever of them had been handed down") {
  for (const Durability durability : {Durability::os, Durability::sync}) {
    for (const bool is_flushed : {false, true}) {
      CAPTURE(is_flushed);
      const Served served;
      const std::string killed = served.path() + "-killed";
      const WriterId user = writer_id(7);
      const WriterId living = random_uuid();
      {
        const auto store = served.open(durability);
        const Entry entry{"key", "u;"};
        store->append_batch({&entry, 1}, {.id = BatchId{user, 3}});
        append_in_session(*store, {living, 5}, "l;");
        for (int i = 0; i < 100; ++i) {
          const WriterId session = random_uuid();
          append_in_session(*store, {session, 1}, "s;");
          if (is_flushed) store->flush();
          append_in_session(*store, {session, 2}, "t;");
          store->end_session(session, {});
        }
        const WriterId returns = random_uuid();
        append_in_session(*store, {returns, 9}, "9;");
        if (is_flushed) store->flush();
        store->end_session(returns, {});
        append_in_session(*store, {returns, 1}, "1;");
        std::filesystem::copy(served.path(), killed, std::filesystem::copy_options::recursive);
        const auto next = open_buffered_dataset(posix_env(), killed, {.durability = durability});
        CHECK(next->last_sequences_before().size() == 2);
        CHECK(last_sequence_in(*next, living) == 5);
        CHECK(last_sequence_in(*next, returns) == 1);
        CHECK(next->last_sequence(user) == 3);
      }
      CHECK(count_writers(killed) == 3);
      destroy(killed);
    }
  }
}

TEST_CASE("a kill at any moment of a goodbye leaves nothing that the next replay does not take away") {
  for (std::uint64_t fail_at = 1;; ++fail_at) {
    CAPTURE(fail_at);
    const TemporaryDirectory directory;
    const std::string path = directory / "dataset";
    create(path);
    FaultEnv env(posix_env(), FaultEnv::Syncs::counted);
    const WriterId session = random_uuid();
    bool failed = false;
    {
      const auto store = open_buffered_dataset(env, path, {.buffer = BufferOptions{}, .durability = Durability::os});
      append_in_session(*store, {session, 1}, "1;");
      store->flush();
      append_in_session(*store, {session, 2}, "2;");
      env.fail_at(fail_at, {.how = Fault::How::for_good});
      try {
        store->end_session(session, {});
      } catch (const Error&) {
        failed = true;
      }
      std::filesystem::copy(path, path + "-killed", std::filesystem::copy_options::recursive);
      env.heal();
    }
    const auto next = open_buffered_dataset(posix_env(), path + "-killed", {.durability = Durability::os});
    const std::optional<std::uint64_t> last = last_sequence_in(*next, session);
    CHECK((!last || *last == 2));
    CHECK(next->get("key") == "1;2;");
    if (failed) continue;
    CHECK_FALSE(last);
    CHECK(fail_at > 1);
    break;
  }
}

TEST_CASE("of sessions whose clients died, the latest are remembered, and users for ever") {
  const Served served;
  std::vector<WriterId> sessions(Writers::max_passing + 200);
  {
    const auto store = served.open(Durability::memory);
    const Entry entry{"key", "u;"};
    for (std::uint64_t user = 0; user < 50; ++user)
      store->append_batch({&entry, 1}, {.id = BatchId{writer_id(user), 3}});
    for (WriterId& session : sessions) {
      session = random_uuid();
      append_in_session(*store, {session, 1}, "");
      store->flush();
    }
    for (std::uint64_t user = 50; user < 100; ++user)
      store->append_batch({&entry, 1}, {.id = BatchId{writer_id(user), 3}});
  }
  CHECK(served.writers_size() == Writers::header_size + (Writers::max_passing + 100) * Writers::slot_size);
  const auto store = served.open(Durability::memory);
  for (std::uint64_t user = 0; user < 100; ++user) CHECK(store->last_sequence(writer_id(user)) == 3);
  CHECK_FALSE(last_sequence_in(*store, sessions.front()));
  for (std::size_t i = 200; i < sessions.size(); ++i) REQUIRE(last_sequence_in(*store, sessions[i]) == 1);
}

/// So many sessions whose clients die.
void let_sessions_die(BufferedStore& store, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) append_in_session(store, {random_uuid(), 1}, "");
  store.flush();
}

TEST_CASE("10,000 sessions that come and go leave no more than is remembered, with and without a goodbye") {
  for (const Durability durability : {Durability::memory, Durability::os}) {
    const Served served;
    {
      const auto store = served.open(durability);
      const std::uint64_t forgotten = store->forgotten_before();
      for (int i = 0; i < 10'000; ++i) {
        const WriterId session = random_uuid();
        append_in_session(*store, {session, 1}, "");
        store->end_session(session, {});
      }
      store->flush();
      CHECK(count_writers(served.path()) == 0);
      let_sessions_die(*store, 10'000);
      CHECK(count_writers(served.path()) == Writers::max_passing);
      CHECK(served.writers_size() == Writers::header_size + Writers::max_passing * Writers::slot_size);
      CHECK(store->forgotten_before() == forgotten);
    }
    CHECK(served.open(durability)->last_sequences_before().size() == Writers::max_passing);
  }
}

TEST_CASE("a store says so when it has forgotten a session, and only then") {
  const Served served;
  const auto forgotten = [&] { return served.open()->forgotten_before(); };
  const std::uint64_t at_first = forgotten();
  let_sessions_die(*served.open(), Writers::max_passing - 1);
  const WriterId ended = random_uuid();
  {
    const auto store = served.open();
    append_in_session(*store, {ended, 1}, "");
    store->flush();
    store->end_session(ended, {});
  }
  CHECK(forgotten() == at_first);
  let_sessions_die(*served.open(), 2);
  CHECK(forgotten() == at_first + 1);
  const Served another;
  CHECK(another.open()->forgotten_before() != at_first);
}

TEST_CASE("whatever fails when a writer takes the slot of another, none is forgotten without a word") {
  const Served served;
  const WriterId first = make_own_writer(0, 0);
  {
    const auto store = open(served.path());
    for (std::uint64_t i = 0; i < Writers::max_passing; ++i) {
      store->append_batch({}, {.id = BatchId{make_own_writer(i, 0), 1}});
    }
  }
  const auto forgotten = [](const std::string& path) {
    return open_owned_dataset(posix_env(), path, {})->forgotten_writers();
  };
  const std::uint64_t at_first = forgotten(served.path());
  int kept = 0;
  int lost = 0;
  for (std::uint64_t fail_at = 1;; ++fail_at) {
    CAPTURE(fail_at);
    const std::string path = served.path() + std::to_string(fail_at);
    std::filesystem::copy(served.path(), path, std::filesystem::copy_options::recursive);
    FaultEnv env(posix_env(), FaultEnv::Syncs::counted);
    {
      const auto store = open_dataset(env, path, {});
      env.fail_at(fail_at, {.how = Fault::How::changes_for_good});
      const Entry entry{"key", "x"};
      try {
        store->append_batch({&entry, 1}, {.id = BatchId{make_own_writer(1, at_first), 1}});
      } catch (const Error&) {
        // or it has, if nothing failed
      }
    }
    const bool is_kept = open(path)->last_sequence(first).has_value();
    (is_kept ? kept : lost) += 1;
    CHECK((is_kept || forgotten(path) != at_first));
    if (!env.fired()) break;
  }
  CHECK(kept > 0);
  CHECK(lost > 1);
}

TEST_CASE("ids of clients' own making are bounded with the sessions, and no goodbye ends a user's id") {
  const Served served;
  const auto store = served.open();
  const Entry entry{"key", "x"};
  const WriterId user = writer_id(1);
  const WriterId own = make_own_writer(1, 0);
  const auto append_new = [&](const WriterId& writer) {
    SubmittedBatch batch{.entries = {&entry, 1}, .options = {.id = BatchId{writer, 1}}, .has_own_id = true};
    store->append_batches({&batch, 1});
    REQUIRE_FALSE(batch.failure);
  };
  append_new(user);
  append_new(own);
  store->flush();
  CHECK(count_writers(served.path()) == 2);
  store->end_session(random_uuid(), std::array{user, own});
  CHECK(count_writers(served.path()) == 1);
  CHECK(store->last_sequence(user) == 1);
  CHECK_FALSE(store->last_sequence(own));
  for (std::uint64_t i = 0; i < Writers::max_passing + 100; ++i) append_new(make_own_writer(random_u64(), 0));
  store->flush();
  CHECK(count_writers(served.path()) == 1 + Writers::max_passing);
}

TEST_CASE("a batch that comes again with a client's own id is applied once, or refused where it may be forgotten") {
  for (const std::string_view through : {"a buffer that owns the dataset", "the files", "a buffer over the files"}) {
    CAPTURE(through);
    const Served served;
    const Entry entry{"key", "x"};
    const auto send_again = [&](const BatchId& id) {
      std::unique_ptr<Store> store;
      if (through == "the files") {
        store = open(served.path());
      } else if (through == "a buffer over the files") {
        store = buffered(open(served.path()));
      } else {
        store = served.open();
      }
      store->append_batch({&entry, 1}, {.id = id});
    };
    const std::uint64_t forgotten = served.open()->forgotten_before();
    const BatchId applied{make_own_writer(1, forgotten), 1};
    const BatchId not_applied{make_own_writer(2, forgotten), 1};
    const BatchId never_applied{make_own_writer(3, forgotten), 1};
    {
      const auto store = served.open();
      SubmittedBatch batch{.entries = {&entry, 1}, .options = {.id = applied}, .has_own_id = true};
      store->append_batches({&batch, 1});
    }
    for (int i = 0; i < 2; ++i) send_again(applied);
    CHECK(served.open()->get("key") == "x");
    for (int i = 0; i < 2; ++i) send_again(not_applied);
    CHECK(served.open()->get("key") == "xx");
    let_sessions_die(*served.open(), Writers::max_passing);
    for (const BatchId& id : {applied, not_applied, never_applied}) {
      CHECK_THROWS_WITH_AS(send_again(id), doctest::Contains("forgotten"), UnknownOutcomeError);
    }
    CHECK(served.open()->get("key") == "xx");
    const BatchId later{make_own_writer(4, served.open()->forgotten_before()), 1};
    for (int i = 0; i < 2; ++i) send_again(later);
    CHECK(served.open()->get("key") == "xxx");
  }
}

TEST_CASE("a Store that was open before sees what has become of the slots") {
  const Served served;
  const std::unique_ptr<Store> before = open(served.path());
  const Entry entry{"key", "1;"};
  before->append_batch({&entry, 1}, {.id = BatchId{writer_id(1), 1}});
  {
    const auto store = served.open();
    const WriterId session = random_uuid();
    append_in_session(*store, {session, 1}, "2;");
    store->flush();
    store->end_session(session, {});
    store->append_batch({&entry, 1}, {.id = BatchId{writer_id(2), 1}});
  }
  CHECK(before->last_sequence(writer_id(2)) == 1);
  before->append_batch({&entry, 1}, {.id = BatchId{writer_id(2), 1}});
  before->append_batch({&entry, 1}, {.id = BatchId{writer_id(3), 1}});
  CHECK(before->get("key") == "1;2;1;1;");
  CHECK(open(served.path())->last_sequence(writer_id(1)) == 1);
}

TEST_CASE("an id among 200,000 is looked up in few reads") {
  const TemporaryDirectory directory;
  const std::string path = directory / "dataset";
  constexpr std::uint64_t ids = 200'000;
  FaultEnv env(posix_env(), FaultEnv::Syncs::counted);
  create_dataset(env, path, {});
  {
    const auto files = env.try_open_directory(path);
    std::string table = Writers::encode_header(0x6162636465666769, 0);
    for (std::uint64_t i = 0; i < ids; ++i) {
      std::string slot(as_string_view(random_uuid()));
      append_le(slot, std::uint64_t{1});
      append_le(slot, hash64(slot));
      table += slot;
    }
    write_file(path + "/.writers", table);
    Control control(*files, false);
    ControlWords words = control.load().words;
    words.writers = ids;
    control.set_words(words);
  }
  const auto store = open_dataset(env, path, {});
  const Entry entry{"key", "1;"};
  constexpr std::uint64_t max_operations = 100;
  env.fail_at(max_operations, {.how = Fault::How::once});
  store->append_batch({&entry, 1}, {.id = BatchId{writer_id(1), 1}});
  CHECK_FALSE(env.fired());
  CHECK(store->last_sequence(writer_id(1)) == 1);
}

}  // namespace
}  // namespace accrete::test
