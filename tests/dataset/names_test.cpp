// The table of a dataset's own names: whatever stands there is dealt with by each who meets it.
#include "dataset/names.hpp"

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <set>

#include "api/datasets.hpp"
#include "api/layouts.hpp"
#include "dataset/staging.hpp"
#include "support/fault_env.hpp"
#include "support/file_bytes.hpp"
#include "support/records_layout.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

const bool has_records_layout = (add_layout(records_layout()), true);

/// A directory of values in which nothing else is.
class Values {
 public:
  Values() {
    fs::create_directory(path());
    write_file(file("x"), "value");
  }

  [[nodiscard]] std::string path() const { return directory_ / "values"; }
  [[nodiscard]] std::string file(const std::string& name) const { return path() + "/" + name; }
  void adopt() const { create(path(), {.adopt = true}); }

 private:
  TemporaryDirectory directory_;
};

std::set<std::string> names_in(const std::string& path) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) names.insert(entry.path().filename());
  return names;
}

TEST_CASE("each own name has one row") {
  std::set<std::string> names;
  for (const OwnName& own : own_names()) {
    CHECK(names.insert(own.name).second);
    CHECK(find_own_name(own.name) == &own);
    CHECK(own.name[0] == '.');
  }
  CHECK(find_own_name("x") == nullptr);
  CHECK(find_own_name(".accrete-old") == nullptr);
}

TEST_CASE("each own name that is left in a directory is refused or dealt with when that is adopted") {
  for (const OwnName& own : own_names()) {
    const std::string name = own.name;
    CAPTURE(name);
    const Values values;
    write_file(values.file(own.name), "");
    if (own.adopted == OwnName::Adopted::refused) {
      CHECK_THROWS_AS(values.adopt(), ExistsError);
      CHECK(names_in(values.path()) == std::set<std::string>{own.name, "x"});
      continue;
    }
    values.adopt();
    CHECK(fs::exists(values.file(own.name)) != (own.adopted == OwnName::Adopted::removed));
    // With a damaged control file goes whether a sync had failed. Attributes are never an empty file.
    const bool is_damaged = name == control_name || name == attributes_name;
    CHECK(verify(values.path()).problems.empty() == !is_damaged);
    CHECK(open(values.path())->get("x") == "value");
    destroy(values.path());
    CHECK_FALSE(fs::exists(values.path()));
  }
}

TEST_CASE("a dataset may hold all own names, which are no keys, and destroy leaves none of them") {
  const TemporaryDirectory directory;
  const std::string path = directory / "dataset";
  create(path);
  put(path, {{"x", "value"}});
  for (const OwnName& own : own_names()) {
    if (!fs::exists(path + "/" + own.name) && own.adopted == OwnName::Adopted::removed)
      write_file(path + "/" + own.name, "");
  }
  CHECK(verify(path).problems.empty());
  CHECK(open(path)->list() == std::vector<KeySize>{{"x", 5}});
  destroy(path);
  CHECK(names_in(directory.path()).empty());
}

TEST_CASE("a name with a dot that is nobody's is not adopted, not removed, and named by verify") {
  const Values values;
  write_file(values.file(".foreign"), "mine");
  CHECK_THROWS_WITH_AS(values.adopt(), doctest::Contains(".foreign"), InvalidKeyError);
  CHECK(names_in(values.path()) == std::set<std::string>{".foreign", "x"});
  fs::remove(values.file(".foreign"));
  values.adopt();
  write_file(values.file(".foreign"), "mine");
  CHECK_THROWS_WITH_AS(destroy(values.path()), doctest::Contains(".foreign"), InvalidArgumentError);
  REQUIRE(verify(values.path()).problems.size() == 1);
  CHECK(verify(values.path()).problems.front().find(".foreign") != std::string::npos);
}

TEST_CASE(
    "a temporary dataset whose marker is gone is not adopted while its owner lives, nor removed by him once it is") {
  const TemporaryDirectory directory;
  std::optional<TemporaryDataset> temporary = create_temporary(directory.path());
  const std::string path = temporary->url();
  put(path, {{"x", "value"}});
  fs::remove(path + "/.accrete");
  CHECK_THROWS_AS(create(path, {.adopt = true}), LockedError);
  SUBCASE("he cannot find it") { temporary.reset(); }
  SUBCASE("another has made a dataset of it") {
    fs::remove(path + "/.owner");
    create(path, {.adopt = true});
    temporary.reset();
  }
  REQUIRE(fs::exists(path));
  if (!fs::exists(path + "/.accrete")) create(path, {.adopt = true});
  CHECK_FALSE(fs::exists(path + "/.owner"));
  CHECK(open(path)->get("x") == "value");
  CHECK(sweep(directory.path()).empty());
  CHECK(verify(path).problems.empty());
}

TEST_CASE("what somebody has put into a directory that is leaving is not swept away with it") {
  const TemporaryDirectory directory;
  create(directory / "dataset");
  const std::string leaving = staging_path(directory.path());
  fs::rename(directory / "dataset", leaving);
  for (const OwnName& own : own_names()) {
    if (!fs::exists(leaving + "/" + own.name)) write_file(leaving + "/" + own.name, "");
  }
  write_file(leaving + "/.foreign", "mine");
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH_AS(sweep(directory.path()), doctest::Contains("cannot sweep"), Error);
    CHECK(read_file(leaving + "/.foreign") == "mine");
  }
  fs::remove(leaving + "/.foreign");
  CHECK(sweep(directory.path()) == std::vector<std::string>{leaving});
  CHECK_FALSE(fs::exists(leaving));
}

/// Where somebody puts a file into a directory as soon as that is renamed.
class PlantingEnv final : public FaultEnv {
 public:
  using FaultEnv::FaultEnv;

  bool try_rename_directory(const std::string& from, const std::string& to) override {
    const bool renamed = FaultEnv::try_rename_directory(from, to);
    write_file(to + "/.foreign", "mine");
    return renamed;
  }
};

TEST_CASE("a destroy that comes upon what somebody has just put there says so, and so does each sweep") {
  const TemporaryDirectory directory;
  const std::string path = directory / "dataset";
  create(path);
  PlantingEnv env(posix_env());
  CHECK_THROWS_WITH_AS(destroy_dataset(env, path), doctest::Contains(".foreign"), Error);
  REQUIRE(names_in(directory.path()).size() == 1);
  const std::string leaving = directory / *names_in(directory.path()).begin();
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH_AS(sweep(directory.path()), doctest::Contains(".foreign"), Error);
    CHECK(read_file(leaving + "/.foreign") == "mine");
  }
  fs::remove(leaving + "/.foreign");
  CHECK(sweep(directory.path()) == std::vector<std::string>{leaving});
}

TEST_CASE("what a creation that was killed has left is swept away, whatever its layout had made by then") {
  REQUIRE(has_records_layout);
  for (const char* const marker : {"none", "in part", "whole"}) {
    const TemporaryDirectory directory;
    create(directory / "dataset", {.layout = "records"});
    const std::string left = staging_path(directory.path());
    fs::rename(directory / "dataset", left);
    if (marker == std::string("none")) fs::remove(left + "/.accrete");
    if (marker == std::string("in part")) fs::resize_file(left + "/.accrete", 20);
    CHECK(sweep(directory.path()) == std::vector<std::string>{left});
    CHECK(names_in(directory.path()).empty());
  }
}

}  // namespace
}  // namespace accrete::test
