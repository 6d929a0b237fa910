// The contract of every Store: a call that takes long ends when it is interrupted, and has changed nothing.
#include <accrete/interruptible.hpp>
#include <thread>

#include "base/interruption.hpp"
#include "contract/places.hpp"
#include "support/model.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

/// Makes a call as if it had begun a while ago, and was interrupted since. Whether it ends for that.
template <typename Call>
bool is_interrupted(Call call) {
  const Interruptible interruptible([] { return true; });
  throw_if_interrupted();
  std::this_thread::sleep_for(Interruption::interval);
  try {
    call();
    return false;
  } catch (const InterruptedError&) {
    return true;
  }
}

/// More than what is done between two looks at whether it is interrupted, also by a codec.
std::string many_bytes() {
  Random random(1);
  const std::string some = random_bytes(random, std::size_t{1} << 20);
  std::string many;
  for (int i = 0; i < 24; ++i) many += some;
  return many;
}

CONTRACT_CASE("an append that is interrupted has changed nothing, and can be made again", interrupted_append) {
  const std::string many = many_bytes();
  if (place.store().max_batch_bytes() < 3 * many.size()) return;  // a server's, of whose answer one can wait for less
  place.store().append("old", "before");
  const std::vector<Entry> batch = {{"new", "1"}, {"old", "2"}, {"old", many}, {"other", many}};
  const AppendOptions options{.id = BatchId{writer_id(1), 1}};
  CHECK(is_interrupted([&] { place.store().append_batch(batch, options); }));
  CHECK(place.store().list() == std::vector<KeySize>{{"old", 6}});
  CHECK(place.store().get("old") == "before");
  CHECK(place.store().stats().bytes == 6);
  CHECK_FALSE(place.store().last_sequence(writer_id(1)).has_value());
  place.check_sound();
  place.store().append_batch(batch, options);
  CHECK(place.store().get("new") == "1");
  CHECK(place.store().get("old") == "before2" + many);
  CHECK(place.store().get("other") == many);
  place.check_sound();
}

CONTRACT_CASE("reads that are interrupted end, whatever they read into", interrupted_reads) {
  const std::string many = many_bytes();
  constexpr std::size_t size = std::size_t{8} << 20;  // which a server takes at once
  for (std::size_t at = 0; at < many.size(); at += size) {
    place.store().append("key", std::string_view(many).substr(at, size));
  }
  const std::vector<std::string_view> keys = {"key", "key"};
  std::string room(many.size(), '\0');
  CHECK(is_interrupted([&] { (void)place.store().get("key"); }));
  CHECK(is_interrupted([&] { (void)place.store().get_batch(keys); }));
  CHECK(is_interrupted([&] { (void)place.store().get_range("key", 1, many.size()); }));
  CHECK(is_interrupted([&] { (void)place.store().get_range_into("key", 0, room); }));
  CHECK(place.store().get("key") == many);
}

}  // namespace
}  // namespace accrete::test
