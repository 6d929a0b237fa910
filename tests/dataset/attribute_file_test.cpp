// The file of a dataset's attributes: what stands in it is returned whole or refused, and what goes with the dataset.
#include "dataset/attribute_file.hpp"

#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "api/layouts.hpp"
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "dataset/names.hpp"
#include "support/child.hpp"
#include "support/file_bytes.hpp"
#include "support/records_layout.hpp"
#include "support/require.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

const bool has_records_layout = (add_layout(records_layout()), true);
const std::vector<std::string> all_layouts = {"files", "records"};

/// A dataset with a key and two attributes.
class Dataset {
 public:
  explicit Dataset(const std::string& layout = "files") {
    create(url(), {.layout = layout});
    put(url(), {{"x", "value"}});
    const std::unique_ptr<Store> store = open(url());
    store->set_attribute("a", "first");
    store->set_attribute("b", "");
  }

  [[nodiscard]] std::string url() const { return directory_ / "dataset"; }
  [[nodiscard]] std::string beside(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::string file(const std::string& name) const { return url() + "/" + name; }
  [[nodiscard]] std::string attributes_file() const { return file(attributes_name); }

 private:
  TemporaryDirectory directory_;
};

/// Front of a file with these bytes, whatever they are.
std::string sealed(std::string_view attributes, std::uint32_t format = 1) {
  std::string bytes = "accrete attributes\n";
  append_le(bytes, format);
  append_le(bytes, hash64(attributes, format));
  return bytes.append(attributes);
}

std::string attribute(std::string_view name, std::string_view value) {
  std::string bytes;
  append_le(bytes, static_cast<std::uint8_t>(name.size()));
  bytes += name;
  append_le(bytes, static_cast<std::uint32_t>(value.size()));
  return bytes.append(value);
}

void check_refused(const Dataset& dataset) {
  const std::unique_ptr<Store> store = open(dataset.url());
  CHECK_THROWS_AS((void)store->attribute("a"), CorruptionError);
  CHECK_THROWS_AS((void)store->attributes(), CorruptionError);
  CHECK_THROWS_AS(store->set_attribute("c", "x"), CorruptionError);
  CHECK(store->get("x") == "value");
  const std::vector<std::string> problems = verify(dataset.url()).problems;
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().find(attributes_name) != std::string::npos);
}

TEST_CASE("attributes of which a byte is damaged are refused") {
  REQUIRE(has_records_layout);
  for (const std::string& layout : all_layouts) {
    CAPTURE(layout);
    const Dataset dataset(layout);
    const std::string whole = read_file(dataset.attributes_file());
    CHECK(verify(dataset.url()).problems.empty());
    for (std::size_t at = 0; at < whole.size(); ++at) {
      CAPTURE(at);
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      write_file(dataset.attributes_file(), damaged);
      try {
        (void)open(dataset.url())->attributes();
        FAIL("they were read");
      } catch (const CorruptionError&) {
        check_refused(dataset);
      } catch (const UnsupportedError& error) {
        CHECK(std::string(error.what()).find("format") != std::string::npos);
        CHECK(verify(dataset.url(), {.repair = true}).problems == std::vector<std::string>{error.what()});
        CHECK((read_file(dataset.attributes_file()) == damaged));
      }
    }
  }
}

TEST_CASE("attributes that are cut off at any length, or followed by more, are refused") {
  const Dataset dataset;
  const std::string whole = read_file(dataset.attributes_file());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    write_file(dataset.attributes_file(), whole.substr(0, size));
    check_refused(dataset);
  }
  write_file(dataset.attributes_file(), whole + "x");
  check_refused(dataset);
}

TEST_CASE("attributes are refused that break a rule, though their checksum is right") {
  const Dataset dataset;
  write_file(dataset.attributes_file(), sealed(attribute("a", "1") + attribute("b", "2")));
  CHECK(open(dataset.url())->attribute("b") == "2");
  std::string many;
  for (int i = 10; i < 27; ++i) many += attribute("a" + std::to_string(i), std::string(max_attribute_size, 'v'));
  const std::vector<std::string> bodies = {
      attribute("b", "1") + attribute("a", "2"),  // not in order
      attribute("a", "1") + attribute("a", "2"),  // twice
      attribute("", "1"),                         // no name
      attribute("a/b", "1"),                      // no name of an attribute
      attribute(std::string(65, 'n'), "1"),       // too long a name
      attribute("a", std::string(max_attribute_size + 1, 'v')),
      attribute("a", "1").substr(0, 6),  // cut off
      many,                              // too large together
  };
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    CAPTURE(i);
    write_file(dataset.attributes_file(), sealed(bodies[i]));
    check_refused(dataset);
  }
  write_file(dataset.attributes_file(), sealed("", 0));
  check_refused(dataset);
  write_file(dataset.attributes_file(), sealed(std::string(max_encoded_attributes_size, 'x')));
  check_refused(dataset);
}

TEST_CASE("attributes of a newer format are refused as such, and a repair leaves them as they are") {
  const Dataset dataset;
  const std::string newer = sealed("whatever", 2);
  write_file(dataset.attributes_file(), newer);
  const std::unique_ptr<Store> store = open(dataset.url());
  CHECK_THROWS_WITH_AS((void)store->attribute("a"), doctest::Contains("use a newer version"), UnsupportedError);
  CHECK_THROWS_AS(store->set_attribute("a", "1"), UnsupportedError);
  CHECK(verify(dataset.url(), {.repair = true}).problems.size() == 1);
  CHECK(read_file(dataset.attributes_file()) == newer);
}

TEST_CASE("a repair sets damaged attributes aside, and the dataset goes on without any") {
  for (const std::string& layout : all_layouts) {
    CAPTURE(layout);
    const Dataset dataset(layout);
    write_file(dataset.attributes_file(), "damaged");
    const VerifyReport report = verify(dataset.url(), {.repair = true});
    CHECK(report.problems.empty());
    REQUIRE(report.repairs.size() == 1);
    CHECK(report.repairs.front().find("set aside as .attributes.damaged") != std::string::npos);
    CHECK(read_file(dataset.file(damaged_attributes_name)) == "damaged");
    CHECK(verify(dataset.url()).problems.empty());
    const std::unique_ptr<Store> store = open(dataset.url());
    CHECK(store->attributes().empty());
    CHECK(store->set_attribute("a", "new"));
    CHECK(store->get("x") == "value");
    destroy(dataset.url());
    CHECK_FALSE(fs::exists(dataset.url()));
  }
}

TEST_CASE("attributes go with their dataset: they stay when it is adopted, and go when it is destroyed") {
  const Dataset dataset;
  fs::remove(dataset.file(marker_name));
  create(dataset.url(), {.adopt = true});
  CHECK(open(dataset.url())->attribute("a") == "first");
  CHECK(verify(dataset.url()).problems.empty());
  destroy(dataset.url());
  CHECK_FALSE(fs::exists(dataset.url()));
}

TEST_CASE("an attribute of a dataset that is gone is neither read nor set") {
  const Dataset dataset;
  const std::unique_ptr<Store> store = open(dataset.url());
  destroy(dataset.url());
  CHECK_THROWS_AS((void)store->attribute("a"), NotFoundError);
  CHECK_THROWS_AS(store->set_attribute("a", "1"), NotFoundError);
}

TEST_CASE("what a writer that was killed has left of attributes stands in nobody's way") {
  const Dataset dataset;
  write_file(dataset.file(mended_name), "half of a file of attributes");
  CHECK(open(dataset.url())->attribute("a") == "first");
  CHECK(verify(dataset.url()).problems.empty());
  CHECK(open(dataset.url())->set_attribute("a", "second"));
  CHECK_FALSE(fs::exists(dataset.file(mended_name)));
  CHECK(open(dataset.url())->attribute("a") == "second");
}

TEST_CASE("what is set in a copy by hard links does not show in the original") {
  const Dataset dataset;
  const std::string copy = dataset.beside("copy");
  fs::create_directory(copy);
  for (const auto& entry : fs::directory_iterator(dataset.url())) {
    fs::create_hard_link(entry.path(), copy + "/" + entry.path().filename().string());
  }
  REQUIRE(verify(copy, {.repair = true}).problems.empty());
  CHECK(open(copy)->attribute("a") == "first");
  CHECK(open(copy)->set_attribute("a", "copied"));
  CHECK(open(dataset.url())->attribute("a") == "first");
  CHECK(open(dataset.url())->set_attribute("a", "original"));
  CHECK(open(copy)->attribute("a") == "copied");
}

TEST_CASE("the file of attributes is for the same users as the lock") {
  const Dataset dataset;
  fs::remove(dataset.attributes_file());
  constexpr fs::perms rights = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read;
  fs::permissions(dataset.file(lock_name), rights);
  open(dataset.url())->set_attribute("a", "1");
  CHECK(fs::status(dataset.attributes_file()).permissions() == rights);
}

TEST_CASE("of processes that set an attribute which they expect not to be there, one does") {
  for (const std::string& layout : all_layouts) {
    for (int round = 0; round < 20; ++round) {
      CAPTURE(layout);
      const Dataset dataset(layout);
      std::vector<pid_t> children;
      for (int i = 0; i < 4; ++i) {
        children.push_back(start_child([&, header = std::to_string(i)] {
          const std::unique_ptr<Store> store = open(dataset.url());
          const bool is_first = store->set_attribute("header", header, {.expect_none = true});
          require(is_first == (store->attribute("header") == header), "who is told to be first is");
          if (is_first) store->append("first", header);
        }));
      }
      for (const pid_t child : children) CHECK(succeeds(child));
      const std::vector<std::string> first = get(dataset.url(), {"first"});
      CHECK(first.front().size() == 1);
      CHECK(open(dataset.url())->attribute("header") == first.front());
    }
  }
}

}  // namespace
}  // namespace accrete::test
