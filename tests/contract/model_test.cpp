// The contract of every Store: thousands of random operations leave what a plain map holds.
#include "support/model.hpp"

#include "contract/places.hpp"
#include "support/campaign.hpp"
#include "support/random_bytes.hpp"

namespace accrete::test {
namespace {

class RandomUser {
 public:
  RandomUser(std::uint64_t seed, Model& model) : random_(seed), model_(model) {}

  /// Does one thing to both, and compares what it returned.
  void step(Store& store) {
    switch (random_below(random_, 16)) {
      case 0:
        return erase(store, key());
      case 1:
        if (!one_in(random_, 12)) return;
        store.drop();
        return model_.drop();
      case 2:
        return one_in(random_, 8) ? store.sync() : store.flush();
      case 3: {
        const std::string prefix = key().substr(0, random_below(random_, 3));
        const std::string after = key();
        const ListOptions options{.prefix = prefix, .after = after, .limit = random_below(random_, 10)};
        REQUIRE(store.list(options) == model_.list(options));
        return;
      }
      case 4:
      case 5:
        return read(store, key());
      default:
        return append(store);
    }
  }

 private:
  std::string key() {
    std::string key = "k" + std::to_string(random_below(random_, 40));
    if (one_in(random_, 4)) key.append(200 + random_below(random_, 4) * 240, '.');
    if (one_in(random_, 8)) key = random_bytes(random_, 1);
    return key;
  }

  void erase(Store& store, const std::string& key) {
    store.erase(key);
    model_.erase(key);
    REQUIRE_FALSE(store.size(key).has_value());
  }

  void read(const Store& store, const std::string& key) {
    REQUIRE(store.size(key) == model_.size(key));
    REQUIRE(store.get(key) == model_.get(key));
    const std::uint64_t offset = random_below(random_, 300);
    const std::uint64_t size = random_below(random_, 300);
    const std::string value = model_.get(key);
    REQUIRE(store.get_range(key, offset, size) == (offset < value.size() ? value.substr(offset, size) : ""));
  }

  void append(Store& store) {
    OwnedBatch batch;
    const std::size_t count = one_in(random_, 3) ? 1 : random_below(random_, 30);
    const std::size_t many_bytes = count == 1 ? 40'000 : 5000;  // the former go straight through a buffer
    for (std::size_t i = 0; i < count; ++i) {
      batch.entries.emplace_back(key(),
                                 random_bytes(random_, one_in(random_, 9) ? many_bytes : random_below(random_, 40)));
    }
    batch.options.sync = one_in(random_, 20);
    if (one_in(random_, 3))
      batch.options.id = BatchId{writer_id(random_below(random_, 5)), ++last_sequence_ - random_below(random_, 5)};
    if (count == 1 && one_in(random_, 3)) {
      batch.options.expect_size =
          one_in(random_, 4) ? random_below(random_, 60) : model_.size(batch.entries.front().first).value_or(0);
    }
    const bool is_old = batch.options.id && model_.is_old(*batch.options.id);
    if (model_.append_batch(batch.view(), batch.options) || is_old) {
      store.append_batch(batch.view(), batch.options);
    } else {
      REQUIRE_THROWS_AS(store.append_batch(batch.view(), batch.options), SizeMismatchError);
    }
  }

  Random random_;
  Model& model_;
  std::uint64_t last_sequence_ = 5;
};

CONTRACT_CASE("thousands of random operations leave what a map holds", random_operations) {
  Model model;
  RandomUser user(1, model);
  for (int i = 1; i <= campaign_steps(6000); ++i) {
    CAPTURE(i);
    user.step(place.store());
    if (i % 150 != 0) continue;
    REQUIRE(difference(place.store(), model) == "");
    place.reopen();
    REQUIRE(difference(place.store(), model) == "");
    place.check_sound();
  }
}

SHARED_CONTRACT_CASE("random operations through two Stores in turn leave what a map holds", random_two) {
  Model model;
  RandomUser user(99, model);
  const std::unique_ptr<Store> other = place.another();
  for (int i = 1; i <= campaign_steps(2000); ++i) {
    CAPTURE(i);
    user.step(i % 3 == 0 ? *other : place.store());
    if (i % 100 != 0) continue;
    REQUIRE(difference(*other, model) == "");
    REQUIRE(difference(place.store(), model) == "");
  }
  place.check_sound();
}

}  // namespace
}  // namespace accrete::test
