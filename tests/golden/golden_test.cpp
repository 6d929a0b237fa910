// Pins every format on disk: what the encoders make is, byte for byte, what is kept in dataset/ beside this file, and a
// dataset left as that one, by a writer that died before a reboot, is opened and recovered.
//
// GOLDEN is the folder of this file. With WRITE_GOLDEN set the files are made anew: only for a new format version.
#include <accrete/accrete.hpp>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>

#include "base/key_name.hpp"
#include "dataset/marker.hpp"
#include "layout/files/control.hpp"
#include "layout/files/dataset_files.hpp"
#include "layout/files/intent.hpp"
#include "layout/files/journal.hpp"
#include "layout/files/writers.hpp"
#include "support/file_bytes.hpp"
#include "support/model.hpp"
#include "support/temporary_directory.hpp"

namespace accrete::test {
namespace {

namespace fs = std::filesystem;

const std::string long_key(245, 'k');

std::string golden_path() {
  const char* folder = std::getenv("GOLDEN");
  REQUIRE_MESSAGE(folder != nullptr, "GOLDEN names the folder of the golden files");
  return std::string(folder) + "/dataset";
}

std::string journal_payload(const std::optional<BatchId>& id, std::string_view key,
                            std::optional<std::uint64_t> old_size, std::string_view bytes) {
  JournalPayload payload(id, 1);
  payload.add_entry(key, old_size, bytes.size());
  payload.add_bytes(bytes);
  return payload.str();
}

void make_values(const std::string& path) {
  write_file(path + "/a", "abcNEW");         // is rolled back to "abc"
  write_file(path + "/c", "half of a new");  // is rolled back to nothing
  write_file(path + "/%2E.", "dots");
  const std::string name = key_to_name(long_key);
  fs::create_directories(fs::path(path + "/" + name).parent_path());
  write_file(path + "/" + name, "long");
}

/// What a writer leaves that dies in a batch, with two synced batches in the journal.
void make_dataset(const std::string& path) {
  const std::unique_ptr<Directory> directory = posix_env().try_open_directory(path);
  write_file(path + "/.accrete", encode_marker({.layout = "files", .uuid = "01234567-89ab-4cde-8f01-23456789abcd"}));
  write_file(path + "/.lock", "");
  BootId boot_id{};
  for (std::size_t i = 0; i < boot_id.size(); ++i) boot_id[i] = static_cast<std::byte>(i + 1);
  constexpr std::uint64_t nonce = 0x1122334455667788;

  Journal journal(*directory, Journal::default_size_limit, [] {});
  std::uint64_t end = journal.restart(nonce, journal_payload(std::nullopt, "j", std::nullopt, "syn"));
  end = journal.append(nonce, end, journal_payload(BatchId{writer_id(1), 9}, "j", 3, "ced"));

  write_file(path + "/.writers", Writers::encode_header(0x6162636465666768, 0x7172737475767778));
  Writers writers(*directory, false);
  writers.store(0, {.writer = writer_id(1), .sequence = 7});
  writers.store(1, {.writer = writer_id(2), .sequence = 0x0102030405060708});

  write_file(path + "/.control",
             Control::initial({.epoch = 0x0102030405060708, .uptime = 0x1112131415161718, .ids = {boot_id}},
                              {.keys = 3, .bytes = 11}));
  Control control(*directory, false);
  control.set_owner({.number = 0x21222324, .start = 0x3132333435, .pid_namespace = 0x41424344});
  control.set_home(0x5152535455565758);
  const ControlWords before{.keys = 3,
                            .bytes = 11,
                            .commits = 5,
                            .removals = 1,
                            .writers = 2,
                            .journal_nonce = nonce,
                            .journal_end = end,
                            .unsynced = true};
  control.commit(before);
  const Intent intent{.kind = Intent::Kind::append,
                      .writer = WriterUpdate{.slot = 1, .old_sequence = 0x0102030405060707},
                      .targets = {{.key = "a", .old_size = 3}, {.key = "c", .old_size = std::nullopt}}};
  std::string record;
  encode_intent(intent, record);
  control.begin_intent(before, record);
  make_values(path);
}

/// The files are kept without the zeros at their ends.
std::string without_zeros(std::string bytes) {
  bytes.resize(bytes.find_last_not_of('\0') + 1);
  return bytes;
}

TEST_CASE("what is written today is what the golden files hold") {
  const TemporaryDirectory made;
  make_dataset(made.path());
  if (std::getenv("WRITE_GOLDEN")) {
    fs::remove_all(golden_path());
    fs::copy(made.path(), golden_path(), fs::copy_options::recursive);
    for (const char* name : {".control", ".journal"}) {
      write_file(golden_path() + "/" + name, without_zeros(read_file(made / name)));
    }
  }
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(golden_path())) {
    if (entry.is_directory()) continue;
    const std::string name = fs::relative(entry.path(), golden_path());
    CAPTURE(name);
    CHECK((without_zeros(read_file(made / name)) == without_zeros(read_file(entry.path()))));
    ++files;
  }
  CHECK(files == 9);
}

TEST_CASE("a golden dataset is recovered and read") {
  const TemporaryDirectory directory;
  const std::string url = directory / "dataset";
  fs::copy(golden_path(), url, fs::copy_options::recursive);
  fs::resize_file(url + "/.control", Control::file_size);
  CHECK(info(url).uuid == "01234567-89ab-4cde-8f01-23456789abcd");
  const std::unique_ptr<Store> store = open(url);
  const std::vector<KeySize> expected = {{"..", 4}, {"a", 3}, {"j", 6}, {long_key, 4}};
  CHECK(store->list() == expected);
  CHECK(store->get("a") == "abc");
  CHECK(store->get("j") == "synced");
  CHECK(store->get(long_key) == "long");
  CHECK(store->last_sequence(writer_id(1)) == 9);
  CHECK(store->last_sequence(writer_id(2)) == 0x0102030405060707);
  CHECK(verify(url).problems.empty());
}

}  // namespace
}  // namespace accrete::test
