#include <accrete/numeric.hpp>
#include <algorithm>

#include "base/escape.hpp"
#include "base/expected_size.hpp"
#include "base/within_memory.hpp"
#include "os/system.hpp"
#include "store/applied_batch.hpp"
#include "typed/element_packing.hpp"
#include "typed/known_keys.hpp"
#include "typed/value_reader.hpp"
#include "typed/value_writer.hpp"

namespace accrete::detail {

namespace {

constexpr std::size_t max_stretch_bytes = std::size_t{1} << 20;

std::string get_action(std::string_view key) { return "get the elements of " + quoted(key); }

}  // namespace

class ElementReader::Impl {
 public:
  template <typename Source>
  Impl(Source&& source, std::string_view key, const ElementLayout& layout)
      : element_size_(layout.size),
        packing_(layout),
        limit_(std::max<std::size_t>(1, max_stretch_bytes / layout.size)),
        reader_(std::forward<Source>(source), key, ElementType(layout)) {}

  [[nodiscard]] const std::string& key() const noexcept { return reader_.key(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return reader_.capacity(); }

  [[nodiscard]] std::size_t window_size() const noexcept { return reader_.window_size(); }
  [[nodiscard]] std::size_t element_size() const noexcept { return element_size_; }

  [[nodiscard]] std::size_t next(std::span<std::byte> room) {
    at_ += count_;
    if (at_ == read_) {
      at_ = count_ = read_ = 0;
      // The elements of a window that is longer would not all be copied before the caller changes the room.
      room = packing_.is_plain() ? room.first(std::min(room.size(), max_stretch_bytes)) : std::span<std::byte>();
      read_ = reader_.next({reinterpret_cast<char*>(room.data()), room.size()});
    }
    return count_ = std::min(limit_, read_ - at_);
  }

  void copy_to(std::span<std::byte> elements) const {
    std::size_t skipped = at_;
    for (std::string_view payload : reader_.payloads()) {
      const std::size_t before = std::min(skipped, payload.size() / packing_.packed_size());
      skipped -= before;
      payload.remove_prefix(before * packing_.packed_size());
      const std::size_t count =
          std::min(payload.size() / packing_.packed_size(), elements.size() / packing_.element_size());
      packing_.unpack(payload.substr(0, count * packing_.packed_size()), elements);
      elements = elements.subspan(count * packing_.element_size());
    }
  }

 private:
  std::size_t element_size_;  // in memory
  ElementPacking packing_;
  std::size_t limit_;  // in a stretch
  ValueReader reader_;
  std::size_t read_ = 0;   // elements that reader_ has gone on to
  std::size_t at_ = 0;     // the first of them in the stretch
  std::size_t count_ = 0;  // of the stretch
};

ElementReader::ElementReader(const Store& store, std::string_view key, const ElementLayout& layout)
    : impl_(within_memory(get_action(key), [&] { return std::make_unique<Impl>(store, key, layout); })) {}

ElementReader::ElementReader(std::string value, std::string_view key, const ElementLayout& layout)
    : impl_(within_memory(get_action(key), [&] { return std::make_unique<Impl>(std::move(value), key, layout); })) {}

ElementReader::ElementReader(ElementReader&&) noexcept = default;
ElementReader& ElementReader::operator=(ElementReader&&) noexcept = default;
ElementReader::~ElementReader() = default;

std::size_t ElementReader::next(std::span<std::byte> room) {
  return within_memory(get_action(key()), [&] { return impl_->next(room); });
}

void ElementReader::copy_to(std::span<std::byte> elements) const { impl_->copy_to(elements); }

std::size_t ElementReader::read_rest(std::span<std::byte> elements) {
  const std::size_t element_size = impl_->element_size();
  const std::size_t room = elements.size() / element_size;
  std::size_t copied = 0;
  while (const std::size_t count = next()) {
    if (count > room - copied) {
      throw TooLargeError("cannot get the value of key " + quoted(key()) + " into room for " + std::to_string(room) +
                          " elements: it has more");
    }
    copy_to(elements.subspan(copied * element_size, count * element_size));
    copied += count;
  }
  return copied;
}

const std::string& ElementReader::key() const noexcept { return impl_->key(); }

std::size_t ElementReader::capacity() const noexcept { return impl_->capacity(); }

std::size_t ElementReader::window_size() const noexcept { return impl_->window_size(); }

class ElementValues::Impl {
 public:
  Impl(std::unique_ptr<Store> owned, Store& store, const ElementLayout& layout)
      : layout_(layout), encoder_(layout), owned_(std::move(owned)), store_(store) {}

  [[nodiscard]] Store& store() const noexcept { return store_; }
  [[nodiscard]] const ElementLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] const ElementType& type() const noexcept { return encoder_.type(); }

  void append_one(const Entry& entry, const AppendOptions& options) {
    const std::string pieces = encoder_.encode(entry);
    const Entry encoded{entry.key, pieces};
    if (options.expect_size) return append_if_expected(encoded, options);
    const bool is_unseen = !known_.contains(entry.key) && !is_applied(store_, options.id);
    if (is_unseen && !has_type(entry.key) && try_begin(encoded, options)) return;
    store_.append_batch({&encoded, 1}, options);
  }

  void append_many(std::span<const Entry> entries, const AppendOptions& options) {
    // In one string: memory of many would go back to the system after each batch, and be cleared for the next.
    std::string pieces;
    std::vector<std::size_t> ends;
    std::vector<std::string_view> unseen;
    std::size_t size = 0;
    for (const Entry& entry : entries) size += encoder_.encoded_size(entry);
    pieces.reserve(size);
    ends.reserve(entries.size());
    for (const Entry& entry : entries) {
      encoder_.encode(entry, pieces);
      ends.push_back(pieces.size());
      if (!known_.contains(entry.key)) unseen.push_back(entry.key);
    }
    std::vector<Entry> batch;
    batch.reserve(entries.size());
    for (std::size_t i = 0, begin = 0; i < entries.size(); begin = ends[i++]) {
      batch.push_back({entries[i].key, std::string_view(pieces).substr(begin, ends[i] - begin)});
    }
    if (!unseen.empty() && !is_applied(store_, options.id)) begin_all(std::move(unseen));
    store_.append_batch(batch, options);
  }

  void erase(std::string_view key) {
    known_.forget(key);
    store_.erase(key);
    known_.forget(key);  // who has looked at the value meanwhile may have seen it
  }

 private:
  /// Of those keys that are new, makes values without elements: a batch of several cannot ask that a key be new still.
  void begin_all(std::vector<std::string_view> keys) {
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    std::erase_if(keys, [&](std::string_view key) { return has_type(key); });
    for (const std::string_view key : keys) {
      const std::string piece = encoder_.encode({key, {}});
      static_cast<void>(try_begin({key, piece}, {}));
    }
  }

  /// False: no bytes tell the value's type. Throws TypeMismatchError if it is another.
  [[nodiscard]] bool has_type(std::string_view key) {
    const std::uint64_t epoch = known_.epoch();
    if (!begins_with(store_, key, type())) return false;
    known_.add(key, epoch);
    return true;
  }

  /// Appends to a new key. False: others were first, with elements of the type, or with no bytes.
  [[nodiscard]] bool try_begin(const Entry& entry, const AppendOptions& options) {
    do {
      const std::uint64_t epoch = known_.epoch();
      if (try_begin_value(store_, entry, options)) {
        if (!options.id) known_.add(entry.key, epoch);  // with an id, it may be that nothing was appended
        return true;
      }
    } while (!has_type(entry.key) && store_.size(entry.key) != 0);
    return false;
  }

  /// What is expected is a number of elements; that nobody appends between the look at it and the append, is asked for
  /// by a number of bytes.
  void append_if_expected(const Entry& entry, AppendOptions options) {
    const std::uint64_t expected = *options.expect_size;
    for (;;) {
      const std::optional<ValueCount> count = count_elements(store_, entry.key, type());
      const std::optional<std::uint64_t> elements = count ? std::optional(count->elements) : std::nullopt;
      if (!has_expected_size(elements, expected)) {
        if (!is_applied(store_, options.id)) check_expected_size(entry.key, elements, expected, "elements");
        options.expect_size.reset();  // it does nothing but what a batch that comes again does
        return store_.append_batch({&entry, 1}, options);
      }
      options.expect_size = count ? count->bytes : 0;
      try {
        return store_.append_batch({&entry, 1}, options);
      } catch (const SizeMismatchError&) {
        // Somebody has appended or erased meanwhile.
      }
    }
  }

  const ElementLayout layout_;
  const ElementEncoder encoder_;
  const std::unique_ptr<Store> owned_;  // nullptr: the store is borrowed
  Store& store_;
  KnownKeys known_;
};

ElementValues::ElementValues(std::unique_ptr<Store> store, const ElementLayout& layout) {
  Store& borrowed = *store;
  impl_ = std::make_unique<Impl>(std::move(store), borrowed, layout);
}

ElementValues::ElementValues(Store& store, const ElementLayout& layout)
    : impl_(std::make_unique<Impl>(nullptr, store, layout)) {}

ElementValues::ElementValues(ElementValues&&) noexcept = default;
ElementValues& ElementValues::operator=(ElementValues&&) noexcept = default;
ElementValues::~ElementValues() = default;

Store& ElementValues::store() const noexcept { return impl_->store(); }

void ElementValues::append_batch(std::span<const Entry> entries, const AppendOptions& options) {
  if (options.expect_size && entries.size() != 1) {
    throw InvalidArgumentError("expect_size needs a batch of one entry; this one has " +
                               std::to_string(entries.size()));
  }
  const auto append = [&] {
    if (entries.size() == 1) return impl_->append_one(entries.front(), options);
    impl_->append_many(entries, options);
  };
  append_within_memory(entries.size(), std::ref(append));
}

std::size_t ElementValues::get_into(std::string_view key, std::span<std::byte> elements) const {
  try {
    return ElementReader(store(), key, impl_->layout()).read_rest(elements);
  } catch (const ErasedError&) {
    return ElementReader(store().get(key), key, impl_->layout()).read_rest(elements);
  }
}

std::optional<std::uint64_t> ElementValues::size(std::string_view key) const {
  const std::optional<ValueCount> count = within_memory("count the elements of " + quoted(key),
                                                        [&] { return count_elements(store(), key, impl_->type()); });
  if (!count) return std::nullopt;
  return count->elements;
}

void ElementValues::erase(std::string_view key) { impl_->erase(key); }

void prepare_to_fill(std::span<std::byte> memory) noexcept { prefer_huge_pages(memory); }

void read_within_memory(std::string_view key, const std::function<void()>& read) {
  within_memory(get_action(key), read);
}

void append_within_memory(std::size_t entries, const std::function<void()>& append) {
  within_memory("append the elements of " + std::to_string(entries) + " entries", append);
}

}  // namespace accrete::detail
