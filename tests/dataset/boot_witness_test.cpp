// A reboot is told by what only a reboot changes; whatever else a system says of itself, nothing is lost or doubled.
#include "dataset/boot_witness.hpp"

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <limits>

#include "api/datasets.hpp"
#include "layer/buffered/buffered_store.hpp"
#include "layout/files/control.hpp"
#include "os/system.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

constexpr std::int64_t millisecond = 1'000'000;
constexpr std::int64_t minute = 60'000 * millisecond;

Boot some_boot() { return {.epoch = 1'700'000'000'000 * millisecond, .uptime = 5 * minute, .id = random_uuid()}; }

TEST_CASE("the same boot is told by an epoch, an uptime and an id that all agree") {
  FaultEnv env(posix_env());
  const Boot boot = some_boot();
  const Boots recorded = BootWitness::first_record(boot);
  const auto told_of = [&](std::int64_t epoch, std::int64_t uptime, const BootId& id) {
    env.set_boot({.epoch = boot.epoch + epoch, .uptime = boot.uptime + static_cast<std::uint64_t>(uptime), .id = id});
    return BootWitness(env).tell(recorded);
  };
  using Told = BootWitness::Told;
  CHECK(told_of(0, 0, boot.id) == Told::same);
  CHECK(told_of(50 * millisecond, minute, boot.id) == Told::same);
  CHECK(told_of(-50 * millisecond, minute, boot.id) == Told::same);
  CHECK(told_of(0, minute, random_uuid()) == Told::new_id);
  CHECK(told_of(200 * millisecond, minute, boot.id) == Told::other_boot);
  CHECK(told_of(-200 * millisecond, minute, boot.id) == Told::other_boot);
  CHECK(told_of(0, -minute, boot.id) == Told::other_boot);
  CHECK(told_of(20 * minute, -minute, boot.id) == Told::other_boot);
  CHECK(BootWitness(env).tell(Boots{}) == Told::other_boot);
  CHECK(BootWitness(env).tell({.epoch = std::numeric_limits<std::int64_t>::min(), .uptime = 0}) == Told::other_boot);
}

TEST_CASE("a process whose clock was set while it lived reads the clocks anew before it believes in a reboot") {
  FaultEnv env(posix_env());
  Boot boot = some_boot();
  env.set_boot(boot);
  const BootWitness witness(env);
  boot.epoch += minute;
  env.set_boot(boot);
  CHECK(witness.tell(BootWitness::first_record(boot)) == BootWitness::Told::same);
}

TEST_CASE("ids that take turns on one machine are learned, so that a dataset is recovered once for each") {
  FaultEnv env(posix_env());
  const Boot boot = some_boot();
  Boots recorded = BootWitness::first_record(boot);
  std::vector<Boot> containers(3, boot);
  for (Boot& container : containers) container.id = random_uuid();
  for (const Boot& container : containers) {
    env.set_boot(container);
    CHECK(BootWitness(env).tell(recorded) == BootWitness::Told::new_id);
    recorded = BootWitness(env).next_record(recorded);
  }
  for (const Boot& container : containers) {
    env.set_boot(container);
    CHECK(BootWitness(env).tell(recorded) == BootWitness::Told::same);
  }
  env.reboot();
  recorded = BootWitness(env).next_record(recorded);
  CHECK(recorded.ids[1] == BootId{});
}

TEST_CASE("the real clocks tell the same boot again") {
  const Boots recorded = BootWitness::first_record(posix_env().boot());
  CHECK(BootWitness(posix_env()).tell(recorded) == BootWitness::Told::same);
  CHECK(posix_env().boot().id != BootId{});
}

/// A dataset whose buffer was killed with `appends` appends in its journal.
std::string kill_a_buffer(Env& env, const TemporaryDirectory& directory, int appends) {
  const std::string path = directory / "dataset";
  create_dataset(env, path, {});
  const auto store = open_buffered_dataset(env, path, {.buffer = BufferOptions{}});
  store->append("key", "flushed;");
  store->flush();
  for (int i = 0; i < appends; ++i) store->append("key", "kept;");
  std::filesystem::copy(path, directory / "killed", std::filesystem::copy_options::recursive);
  return directory / "killed";
}

TEST_CASE("appends in the journal of a buffer that was killed are there once, whatever boot id comes next") {
  const TemporaryDirectory directory;
  FaultEnv env(posix_env());
  std::string expected = "flushed;";
  for (int i = 0; i < 1000; ++i) expected += "kept;";
  const std::string path = kill_a_buffer(env, directory, 1000);
  SUBCASE("that of a container") {
    Boot boot = env.boot();
    boot.id = random_uuid();
    env.set_boot(boot);
  }
  SUBCASE("that of another machine") { env.set_boot(some_boot()); }
  SUBCASE("that of another boot") { env.reboot(); }
  SUBCASE("one that never changes, after a reboot") {
    Boot boot = env.boot();
    boot.epoch += minute;
    env.set_boot(boot);
  }
  const std::vector<std::string> problems = verify_dataset(env, path, {}).problems;
  REQUIRE_FALSE(problems.empty());
  CHECK(problems.back().find("hands them down") != std::string::npos);
  CHECK((open_dataset(env, path, {})->get("key") == expected));
  CHECK(verify_dataset(env, path, {}).problems.empty());
}

TEST_CASE("a damaged intent is an error where the clocks say that power was not lost") {
  const TemporaryDirectory directory;
  const std::string path = directory / "dataset";
  FaultEnv env(posix_env());
  create_dataset(env, path, {});
  open_dataset(env, path, {})->append("key", "old");
  for (std::uint64_t n = 1; verify_dataset(env, path, {}).problems.empty(); ++n) {
    const auto store = open_dataset(env, path, {});
    env.fail_at(n, {.how = Fault::How::for_good});
    CHECK_THROWS_AS(store->append("key", "new"), Error);
    env.heal();
  }
  std::string control = read_file(path + "/.control");
  control[Control::header_size + 3] = static_cast<char>(control[Control::header_size + 3] ^ 4);
  write_file(path + "/.control", control);
  Boot boot = env.boot();
  boot.id = random_uuid();
  env.set_boot(boot);
  CHECK_THROWS_AS((void)open_dataset(env, path, {}), CorruptionError);
  env.reboot();
  CHECK(open_dataset(env, path, {})->get("key").starts_with("old"));
}

}  // namespace
}  // namespace accrete::test
