#include "layout/files/writers.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "base/filled_string.hpp"
#include "base/own_writer.hpp"
#include "base/zeros.hpp"
#include "dataset/names.hpp"
#include "dataset/session_writer.hpp"
#include "os/system.hpp"

namespace accrete {
namespace {

constexpr std::string_view magic = "ACCRWRIT";
constexpr std::uint32_t version = 3;
constexpr std::size_t checked_size = Writers::slot_size - 8;
constexpr std::size_t reuses_offset = 8 + 4 + 4 + 8;
constexpr std::size_t forgotten_offset = reuses_offset + 8;
static_assert(forgotten_offset + 8 <= Writers::header_size);

std::uint64_t offset_of(std::uint64_t slot) { return Writers::header_size + slot * Writers::slot_size; }

std::string encode_slot(const BatchId& id) {
  std::string slot(as_string_view(id.writer));
  append_le(slot, id.sequence);
  append_le(slot, hash64(slot));
  return slot;
}

/// nullopt for a damaged slot.
std::optional<BatchId> decode_slot(std::string_view raw) {
  ByteReader reader(raw);
  BatchId id;
  const auto writer = as_byte_span(reader.bytes(id.writer.size()));
  std::copy(writer.begin(), writer.end(), id.writer.begin());
  id.sequence = reader.integer<std::uint64_t>();
  const auto checksum = reader.integer<std::uint64_t>();
  if (!reader.ok() || checksum != hash64(raw.substr(0, checked_size))) return std::nullopt;
  return id;
}

/// A death in making the file, power loss, or a full disk leaves the front of a header, or nothing of it, and then
/// there is no slot yet.
bool is_unfinished(const File& file, std::string_view header) {
  constexpr std::size_t fixed_size = 8 + 4;  // of what is the same in each
  const std::string whole = Writers::encode_header(0, 0).substr(0, fixed_size);
  const char* const end = std::mismatch(whole.begin(), whole.end(), header.begin()).second;
  const bool is_cut = std::all_of(end, header.end(), [](char c) { return c == '\0'; });
  if (end != header.begin() + fixed_size) return is_cut;
  std::array<char, Writers::slot_size> first_slot{};
  (void)file.read_at(Writers::header_size, first_slot);
  return is_zero({first_slot.data(), first_slot.size()});
}

}  // namespace

std::size_t Writers::Hash::operator()(const WriterId& writer) const noexcept { return hash64(as_string_view(writer)); }

std::string Writers::encode_header(std::uint64_t secret, std::uint64_t forgotten) {
  std::string encoded_secret;
  append_le(encoded_secret, secret);
  std::string header(magic);
  append_le(header, version);
  append_le(header, static_cast<std::uint32_t>(hash64(encoded_secret)));
  header += encoded_secret;
  append_le(header, std::uint64_t{0});
  append_le(header, forgotten);
  header.resize(header_size, '\0');
  return header;
}

WriterId Writers::no_writer() const noexcept { return writer_of(secret_, 0); }

bool Writers::is_session(const WriterId& writer) const noexcept {
  return load_le<std::uint64_t>(std::span(writer).first<8>()) == secret_ && writer != no_writer();
}

bool Writers::is_passing(const WriterId& writer) const noexcept { return is_session(writer) || is_own_writer(writer); }

std::optional<Writers::Found> Writers::find(const WriterId& writer, std::uint64_t count) {
  load_slots(count);
  const auto found = slots_.find(writer);
  if (found == slots_.end()) return std::nullopt;
  return Found{.slot = found->second, .sequence = load(found->second).sequence};
}

void Writers::load_slots(std::uint64_t count) {
  const bool has_file = try_file() != nullptr;  // a damaged table is found before a change begins
  const bool was_changed = may_be_changed_ && has_file && load_header_word(reuses_offset) != reuses_;
  may_be_changed_ = false;
  if (loaded_ > count || was_changed) forget_slots();
  if (loaded_ == count) return;
  if (!has_file || !has_header_) throw_damaged_slot(loaded_);
  if (loaded_ == 0) reuses_ = load_header_word(reuses_offset);  // of before what is read now
  constexpr std::uint64_t max_at_once = std::uint64_t{1} << 15;
  while (loaded_ < count) {
    const std::size_t size = std::min(count - loaded_, max_at_once) * slot_size;
    const std::string raw =
        filled_string(size, [&](std::span<char> to) { return file_->read_at(offset_of(loaded_), to); });
    for (std::size_t at = 0; at < size; at += slot_size) {
      const auto id = at < raw.size() ? decode_slot(std::string_view(raw).substr(at, slot_size)) : std::nullopt;
      if (!id) throw_damaged_slot(loaded_);
      take_in(loaded_, id->writer);
      ++loaded_;
    }
  }
}

void Writers::take_in(std::uint64_t slot, const WriterId& writer) {
  if (writer == no_writer()) return free_.push_back(slot);
  if (is_passing(writer)) passing_.push_back(slot);
  slots_[writer] = slot;
}

void Writers::forget_file() noexcept {
  file_.reset();
  has_header_ = false;
  may_be_changed_ = true;
}

void Writers::forget_slots() noexcept {
  slots_.clear();
  free_.clear();
  passing_.clear();
  loaded_ = 0;
}

std::uint64_t Writers::new_slot(const WriterId& writer, std::uint64_t count) const {
  if (!free_.empty()) return free_.back();
  if (is_passing(writer) && passing_.size() >= max_passing) return passing_.front();
  return count;
}

void Writers::store(std::uint64_t slot, const BatchId& id) {
  make_file();
  // What is after the first loaded_ slots is read when it is asked for.
  const bool is_reused = slot < loaded_ && !slots_.contains(id.writer);
  if (is_reused && load(slot).writer != no_writer()) note_forgotten();
  if (is_reused) take_over(slot);
  file_->write_at(offset_of(slot), encode_slot(id));
  if (is_reused) {
    take_in(slot, id.writer);
  } else if (slot < loaded_ && is_passing(id.writer) && passing_.back() != slot) {
    std::erase(passing_, slot);
    passing_.push_back(slot);
  }
}

/// From nobody, or from a passing writer.
void Writers::take_over(std::uint64_t slot) {
  const WriterId before = load(slot).writer;
  note_reuse();
  slots_.erase(before);
  std::erase(free_, slot);
  std::erase(passing_, slot);
}

/// Before a slot becomes another writer's. Who takes a change back need not have read the table since others noted one.
void Writers::note_reuse() {
  reuses_ = load_header_word(reuses_offset) + 1;
  store_header_word(reuses_offset, reuses_);
}

void Writers::note_forgotten() { store_header_word(forgotten_offset, forgotten() + 1); }

void Writers::store_header_word(std::uint64_t offset, std::uint64_t word) {
  std::string encoded;
  append_le(encoded, word);
  file_->write_at(offset, encoded);
}

std::uint64_t Writers::load_header_word(std::uint64_t offset) const {
  std::array<char, 8> raw{};
  (void)file_->read_at(offset, raw);
  return load_le<std::uint64_t>(std::as_bytes(std::span(raw)));
}

void Writers::restore(std::uint64_t slot, std::optional<std::uint64_t> old_sequence, std::uint64_t count) {
  const std::optional<BatchId> id = try_load(slot);
  if (!id) return;  // not written yet
  if (old_sequence) {
    file_->write_at(offset_of(slot), encode_slot({.writer = id->writer, .sequence = *old_sequence}));
    return;
  }
  const bool was_in_use = slot < count;
  if (was_in_use) note_reuse();
  // It may be that of the passing writer still whose slot was to be taken over.
  if (was_in_use && id->writer != no_writer()) note_forgotten();
  file_->write_at(offset_of(slot),
                  was_in_use ? encode_slot({.writer = no_writer(), .sequence = 0}) : std::string(slot_size, '\0'));
  forget_slots();
}

void Writers::forget(const WriterId& writer, std::uint64_t count) {
  const std::optional<Found> found = find(writer, count);
  if (!found) return;
  take_over(found->slot);
  file_->write_at(offset_of(found->slot), encode_slot({.writer = no_writer(), .sequence = 0}));
  free_.push_back(found->slot);
}

std::vector<BatchId> Writers::sessions(std::uint64_t count) {
  load_slots(count);
  std::vector<BatchId> ids;
  for (const std::uint64_t slot : passing_) {
    const BatchId id = load(slot);
    if (is_session(id.writer)) ids.push_back(id);
  }
  return ids;
}

std::uint64_t Writers::forgotten() { return try_file() && has_header_ ? load_header_word(forgotten_offset) : 0; }

std::uint64_t Writers::secret() {
  make_file();
  return secret_;
}

std::uint64_t Writers::count_whole() {
  std::uint64_t count = 0;
  // Without a header, what stands after it was never synced.
  while (try_file() && has_header_ && try_load(count)) ++count;
  if (file_ && has_header_ && is_damaged(count)) throw_damaged_slot(count);
  return count;
}

std::uint64_t Writers::free_damaged() {
  std::uint64_t freed = 0;
  if (!try_file() || !has_header_) return freed;
  const std::uint64_t count = (file_->size() - header_size) / slot_size;
  for (std::uint64_t slot = 0; slot < count; ++slot) {
    if (!is_damaged(slot)) continue;
    if (freed == 0) note_reuse();
    file_->write_at(offset_of(slot), encode_slot({.writer = no_writer(), .sequence = 0}));
    ++freed;
  }
  forget_slots();
  return freed;
}

/// A slot lies within one sector: power loss leaves it as it was before, which may be nothing, or all of it.
bool Writers::is_damaged(std::uint64_t slot) const {
  std::array<char, slot_size> raw{};
  const std::string_view bytes{raw.data(), file_->read_at(offset_of(slot), raw)};
  return bytes.size() == slot_size && !is_zero(bytes) && !decode_slot(bytes);
}

File* Writers::try_file() {
  if (file_ && has_header_) return file_.get();
  std::unique_ptr<File> file = directory_.try_open(writers_name, read_only_ ? OpenMode::read : OpenMode::write);
  if (!file) return nullptr;
  std::string header(header_size, '\0');
  (void)file->read_at(0, header);
  const auto secret = load_le<std::uint64_t>(as_byte_span(header).subspan<16, 8>());
  const std::string whole = encode_header(secret, 0).substr(0, reuses_offset);
  const std::string_view found = std::string_view(header).substr(0, reuses_offset);
  has_header_ = found == whole;
  if (!has_header_ && !is_unfinished(*file, header)) {
    throw CorruptionError("the table of writers " + quoted(directory_.path() + "/" + writers_name) +
                          " is damaged: it does not begin as one. Without it nobody knows which batches with ids have "
                          "been applied; to go on all the same, move it away and run 'accrete verify --repair'");
  }
  secret_ = has_header_ ? secret : 0;
  file_ = std::move(file);
  return file_.get();
}

void Writers::make_file() {
  if (!try_file()) file_ = directory_.open(writers_name, OpenMode::create);
  if (has_header_) return;
  secret_ = random_u64() | 1;  // not 0, as it is where there is none
  file_->write_at(0, encode_header(secret_, random_u64()));
  file_->sync();  // before any slot: see is_unfinished
  directory_.sync();
  has_header_ = true;
}

void Writers::throw_damaged_slot(std::uint64_t slot) const {
  throw CorruptionError("slot " + std::to_string(slot) + " of " + quoted(directory_.path() + "/" + writers_name) +
                        " is damaged or missing: it cannot be told which batches of its writer have been applied; "
                        "'accrete verify --repair' forgets that writer");
}

BatchId Writers::load(std::uint64_t slot) {
  if (const auto id = try_load(slot)) return *id;
  throw_damaged_slot(slot);
}

std::optional<BatchId> Writers::try_load(std::uint64_t slot) {
  if (!try_file()) return std::nullopt;
  std::array<char, slot_size> raw;
  if (file_->read_at(offset_of(slot), raw) != raw.size()) return std::nullopt;
  return decode_slot({raw.data(), raw.size()});
}

}  // namespace accrete
