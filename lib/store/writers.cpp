#include "store/writers.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/escape.hpp"

namespace accrete {
namespace {

constexpr std::string_view magic = "ACCRWRIT";
constexpr std::uint32_t version = 1;
constexpr std::size_t checked_size = Writers::slot_size - 8;

std::uint64_t offset_of(std::uint64_t slot) { return Writers::header_size + slot * Writers::slot_size; }

std::string encode_header() {
  std::string header(magic);
  append_le(header, version);
  header.resize(Writers::header_size, '\0');
  return header;
}

std::string encode_slot(const BatchId& id) {
  std::string slot(as_string_view(id.writer));
  append_le(slot, id.sequence);
  append_le(slot, hash64(slot));
  return slot;
}

}  // namespace

std::size_t Writers::Hash::operator()(const WriterId& writer) const noexcept { return hash64(as_string_view(writer)); }

std::optional<Writers::Found> Writers::find(const WriterId& writer, std::uint64_t count) {
  (void)try_file();       // a damaged table is found before a change begins
  if (loaded_ > count) {  // a new slot was taken back
    slots_.clear();
    loaded_ = 0;
  }
  for (; loaded_ < count; ++loaded_) slots_[load(loaded_).writer] = loaded_;
  const auto found = slots_.find(writer);
  if (found == slots_.end()) return std::nullopt;
  return Found{.slot = found->second, .sequence = load(found->second).sequence};
}

BatchId Writers::load(std::uint64_t slot) {
  if (const auto id = try_load(slot)) return *id;
  throw CorruptionError("slot " + std::to_string(slot) + " of " + quoted(directory_.path() + "/" + name) +
                        " is damaged: it cannot be told which batches of its writer have been applied");
}

std::vector<BatchId> Writers::all(std::uint64_t count) {
  std::vector<BatchId> ids;
  ids.reserve(count);
  for (std::uint64_t slot = 0; slot < count; ++slot) ids.push_back(load(slot));
  return ids;
}

void Writers::store(std::uint64_t slot, const BatchId& id) {
  if (!try_file()) file_ = directory_.open(name, OpenMode::create);
  if (!has_header_) file_->write_at(0, encode_header());
  has_header_ = true;
  file_->write_at(offset_of(slot), encode_slot(id));
}

void Writers::restore(std::uint64_t slot, std::optional<std::uint64_t> old_sequence) {
  const std::optional<BatchId> id = try_load(slot);
  if (!id) return;  // not written yet
  if (old_sequence) {
    store(slot, {.writer = id->writer, .sequence = *old_sequence});
    return;
  }
  file_->write_at(offset_of(slot), std::string(slot_size, '\0'));
  loaded_ = 0;
  slots_.clear();
}

std::uint64_t Writers::count_whole() {
  std::uint64_t count = 0;
  while (try_load(count)) ++count;
  return count;
}

File* Writers::try_file() {
  if (file_) return file_.get();
  std::unique_ptr<File> file = directory_.try_open(name, read_only_ ? OpenMode::read : OpenMode::write);
  if (!file) return nullptr;
  const std::string whole = encode_header();
  std::string header(header_size, '\0');
  (void)file->read_at(0, header);
  if (header != whole) {
    // A death in making the file, power loss, or a full disk leaves the front of a header, or nothing of it.
    const auto end = std::mismatch(header.begin(), header.end(), whole.begin()).first;
    if (std::any_of(end, header.end(), [](char c) { return c != '\0'; })) {
      throw CorruptionError("the table of writers " + quoted(directory_.path() + "/" + name) +
                            " is damaged: it does not begin as one");
    }
  }
  has_header_ = header == whole;
  file_ = std::move(file);
  return file_.get();
}

std::optional<BatchId> Writers::try_load(std::uint64_t slot) {
  if (!try_file()) return std::nullopt;
  std::array<char, slot_size> raw;
  if (file_->read_at(offset_of(slot), raw) != raw.size()) return std::nullopt;
  ByteReader reader({raw.data(), raw.size()});
  BatchId id;
  const auto writer = as_byte_span(reader.bytes(id.writer.size()));
  std::copy(writer.begin(), writer.end(), id.writer.begin());
  id.sequence = reader.integer<std::uint64_t>();
  if (reader.integer<std::uint64_t>() != hash64({raw.data(), checked_size})) return std::nullopt;
  return id;
}

}  // namespace accrete
