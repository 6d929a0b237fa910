#include <accrete/numeric.hpp>

#include "base/escape.hpp"
#include "base/within_memory.hpp"
#include "os/system.hpp"
#include "typed/element_packing.hpp"
#include "typed/known_keys.hpp"
#include "typed/value_reader.hpp"
#include "typed/value_writer.hpp"

namespace accrete::detail {

class ElementReader::Parts {
 public:
  template <typename Source>
  Parts(Source&& source, std::string_view key, const ElementLayout& layout)
      : packing(layout), reader(std::forward<Source>(source), key, ElementType(layout)) {}

  ElementPacking packing;
  ValueReader reader;
};

ElementReader::ElementReader(const Store& store, std::string_view key, const ElementLayout& layout)
    : parts_(std::make_unique<Parts>(store, key, layout)) {}

ElementReader::ElementReader(std::string value, std::string_view key, const ElementLayout& layout)
    : parts_(std::make_unique<Parts>(std::move(value), key, layout)) {}

ElementReader::ElementReader(ElementReader&&) noexcept = default;
ElementReader& ElementReader::operator=(ElementReader&&) noexcept = default;
ElementReader::~ElementReader() = default;

std::size_t ElementReader::next() { return parts_->reader.next(); }

void ElementReader::copy_to(std::span<std::byte> elements) const {
  const ElementPacking& packing = parts_->packing;
  for (const std::string_view payload : parts_->reader.payloads()) {
    const std::size_t size = payload.size() / packing.packed_size() * packing.element_size();
    packing.unpack(payload, elements.first(size));
    elements = elements.subspan(size);
  }
}

std::size_t ElementReader::estimate() const noexcept { return parts_->reader.estimate(); }

class ElementValues::Parts {
 public:
  Parts(std::unique_ptr<Store> owned, Store& store, const ElementLayout& layout)
      : layout_(layout), encoder_(layout), owned_(std::move(owned)), store_(store) {}

  [[nodiscard]] Store& store() const noexcept { return store_; }
  [[nodiscard]] const ElementLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] const ElementType& type() const noexcept { return encoder_.type(); }

  void append_one(const Entry& entry, const AppendOptions& options) {
    const std::string pieces = encoder_.encode(entry);
    const Entry encoded{entry.key, pieces};
    if (options.expect_size) {
      append_behind(encoded, options);
    } else {
      while (!try_append(encoded, options)) {
      }
    }
    known_.add(entry.key);
  }

  void append_many(std::span<const Entry> entries, const AppendOptions& options) {
    std::vector<std::string> pieces;
    pieces.reserve(entries.size());
    std::vector<Entry> batch;
    for (const Entry& entry : entries) {
      pieces.push_back(encoder_.encode(entry));
      batch.push_back({entry.key, pieces.back()});
    }
    std::vector<std::string_view> new_keys;
    for (const Entry& entry : entries) {
      if (is_new(entry.key)) new_keys.push_back(entry.key);
    }
    // A batch of several cannot ask that a key be new still, but an append of no elements can.
    for (const std::string_view key : new_keys) append_one({key, {}}, {});
    store_.append_batch(batch, options);
  }

  void erase(std::string_view key) {
    known_.forget(key);
    store_.erase(key);
  }

 private:
  /// False: others were first, and what they have appended is to be looked at.
  [[nodiscard]] bool try_append(const Entry& entry, const AppendOptions& options) {
    if (is_new(entry.key)) return try_begin_value(store_, entry, options);
    store_.append_batch({&entry, 1}, options);
    return true;
  }

  void append_behind(const Entry& entry, AppendOptions options) {
    const std::uint64_t elements = *options.expect_size;
    options.expect_size = expected_bytes(entry.key, elements);
    try {
      store_.append_batch({&entry, 1}, options);
    } catch (const SizeMismatchError&) {
      throw SizeMismatchError("cannot append to the value of key " + quoted(entry.key) + ": it does not have " +
                              std::to_string(elements) + " elements");
    }
  }

  /// Whether no type is recorded yet. Throws TypeMismatchError if it is another.
  [[nodiscard]] bool is_new(std::string_view key) {
    if (known_.contains(key)) return false;
    while (!begins_with(store_, key, type())) {
      const std::optional<std::uint64_t> size = store_.size(key);
      if (!size) return true;
      if (*size == 0) return false;
      // Somebody has begun it in between.
    }
    known_.add(key);
    return false;
  }

  /// The size of a value that has so many elements; one that none has if it has not, for the store looks at the batch's
  /// id first.
  [[nodiscard]] std::uint64_t expected_bytes(std::string_view key, std::uint64_t elements) const {
    const std::optional<ValueCount> count = count_elements(store_, key, type());
    if (!count && elements == 0) return 0;
    if (count && count->bytes > 0 && count->elements == elements) return count->bytes;
    return ~std::uint64_t{0};
  }

  const ElementLayout layout_;
  const ElementEncoder encoder_;
  const std::unique_ptr<Store> owned_;  // nullptr: the store is borrowed
  Store& store_;
  KnownKeys known_;
};

ElementValues::ElementValues(std::unique_ptr<Store> store, const ElementLayout& layout) {
  Store& borrowed = *store;
  parts_ = std::make_unique<Parts>(std::move(store), borrowed, layout);
}

ElementValues::ElementValues(Store& store, const ElementLayout& layout)
    : parts_(std::make_unique<Parts>(nullptr, store, layout)) {}

ElementValues::ElementValues(ElementValues&&) noexcept = default;
ElementValues& ElementValues::operator=(ElementValues&&) noexcept = default;
ElementValues::~ElementValues() = default;

Store& ElementValues::store() const noexcept { return parts_->store(); }

void ElementValues::append_batch(std::span<const Entry> entries, const AppendOptions& options) {
  if (options.expect_size && entries.size() != 1) {
    throw InvalidArgumentError("expect_size needs a batch of one entry; this one has " +
                               std::to_string(entries.size()));
  }
  within_memory("append the elements of " + std::to_string(entries.size()) + " entries", [&] {
    if (entries.size() == 1) return parts_->append_one(entries.front(), options);
    parts_->append_many(entries, options);
  });
}

std::size_t ElementValues::get_into(std::string_view key, std::span<std::byte> elements) const {
  const std::size_t element_size = parts_->layout().size;
  ElementReader reader(store(), key, parts_->layout());
  std::size_t copied = 0;
  while (const std::size_t count = reader.next()) {
    if (count > elements.size() / element_size - copied) {
      throw TooLargeError("cannot get the value of key " + quoted(key) + " into room for " +
                          std::to_string(elements.size() / element_size) + " elements: it has more");
    }
    reader.copy_to(elements.subspan(copied * element_size, count * element_size));
    copied += count;
  }
  return copied;
}

std::optional<std::uint64_t> ElementValues::size(std::string_view key) const {
  const std::optional<ValueCount> count = count_elements(store(), key, parts_->type());
  if (!count) return std::nullopt;
  return count->elements;
}

void ElementValues::erase(std::string_view key) { parts_->erase(key); }

void prepare_to_fill(std::span<std::byte> memory) noexcept { prefer_huge_pages(memory); }

void read_within_memory(std::string_view key, const std::function<void()>& read) {
  within_memory("get the elements of " + quoted(key), read);
}

}  // namespace accrete::detail
