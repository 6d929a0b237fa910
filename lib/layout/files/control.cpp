#include "layout/files/control.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>

#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "base/hash.hpp"
#include "dataset/names.hpp"
#include "dataset/sync_or_note.hpp"
#include "layout/files/intent.hpp"

namespace accrete {
namespace {

constexpr std::string_view magic = "ACCRCTRL";
constexpr std::uint32_t version = 3;

constexpr std::uint32_t failed_sync = 0x6996C33C;  // no flipped bits make it of zeros

constexpr std::size_t boots_offset = 16;
constexpr std::size_t boot_ids_size = std::tuple_size_v<decltype(Boots::ids)> * std::tuple_size_v<BootId>;
constexpr std::size_t boots_size = 8 + 8 + boot_ids_size;
constexpr std::size_t owner_offset = boots_offset + boots_size;
constexpr std::size_t owner_size = std::size_t{3} * 8;
constexpr std::size_t home_offset = owner_offset + owner_size;
constexpr std::size_t words_offset = home_offset + 8;
constexpr std::size_t seal_offset = std::size_t{7} * 8;  // within words
constexpr std::size_t words_size = seal_offset + 8;
constexpr std::size_t state_offset = words_offset + words_size;
constexpr std::size_t failed_sync_offset = state_offset + 4;
constexpr std::size_t before_offset = failed_sync_offset + 4;
constexpr std::size_t intent_size_offset = before_offset + words_size;
constexpr std::size_t used_header_size = intent_size_offset + 16;
static_assert(used_header_size <= Control::header_size);

template <std::unsigned_integral T>
std::array<std::byte, sizeof(T)> le_bytes(T value) {
  std::array<std::byte, sizeof(T)> bytes;
  store_le(std::span{bytes}, value);
  return bytes;
}

/// The flags, a byte each, and above them a check that differs if any byte of what it covers does. No hash: each append
/// has three.
std::uint64_t seal_of(const ControlWords& words) noexcept {
  constexpr std::uint64_t of_zeros = 0x5AA5C33C;
  constexpr int half = 32;
  const std::uint32_t flags =
      std::uint32_t{words.unsynced} | std::uint32_t{words.layered} << 8 | std::uint32_t{words.destroyed} << 16;
  const std::uint64_t check = words.writers ^ std::rotl(words.journal_nonce, 8) ^ std::rotl(words.journal_end, 16);
  return (check ^ check << half ^ (flags ^ of_zeros) << half) >> half << half | flags;
}

std::array<std::byte, words_size> encode_words(const ControlWords& words) {
  std::array<std::byte, words_size> bytes;
  const std::span to{bytes};
  store_le(to.subspan<0, 8>(), words.keys);
  store_le(to.subspan<8, 8>(), words.bytes);
  store_le(to.subspan<16, 8>(), words.commits);
  store_le(to.subspan<24, 8>(), words.removals);
  store_le(to.subspan<32, 8>(), words.writers);
  store_le(to.subspan<40, 8>(), words.journal_nonce);
  store_le(to.subspan<48, 8>(), words.journal_end);
  store_le(to.subspan<seal_offset, 8>(), seal_of(words));
  return bytes;
}

ControlWords decode_words(std::span<const std::byte, words_size> from) {
  const auto seal = load_le<std::uint64_t>(from.subspan<seal_offset, 8>());
  return {.keys = load_le<std::uint64_t>(from.subspan<0, 8>()),
          .bytes = load_le<std::uint64_t>(from.subspan<8, 8>()),
          .commits = load_le<std::uint64_t>(from.subspan<16, 8>()),
          .removals = load_le<std::uint64_t>(from.subspan<24, 8>()),
          .writers = load_le<std::uint64_t>(from.subspan<32, 8>()),
          .journal_nonce = load_le<std::uint64_t>(from.subspan<40, 8>()),
          .journal_end = load_le<std::uint64_t>(from.subspan<48, 8>()),
          .unsynced = (seal & 1) != 0,
          .layered = (seal & 1 << 8) != 0,
          .destroyed = (seal & 1 << 16) != 0};
}

/// Of words and what they were decoded from.
bool is_sound(const ControlWords& words, std::span<const std::byte, words_size> from) {
  return load_le<std::uint64_t>(from.subspan<seal_offset, 8>()) == seal_of(words);
}

std::array<std::byte, boots_size> encode_boots(const Boots& boots) {
  std::array<std::byte, boots_size> bytes;
  const std::span to{bytes};
  store_le(to.subspan<0, 8>(), static_cast<std::uint64_t>(boots.epoch));
  store_le(to.subspan<8, 8>(), boots.uptime);
  auto at = to.begin() + 16;
  for (const BootId& id : boots.ids) at = std::ranges::copy(id, at).out;
  return bytes;
}

Boots decode_boots(std::span<const std::byte, boots_size> from) {
  Boots boots{.epoch = static_cast<std::int64_t>(load_le<std::uint64_t>(from.subspan<0, 8>())),
              .uptime = load_le<std::uint64_t>(from.subspan<8, 8>())};
  auto at = from.begin() + 16;
  for (BootId& id : boots.ids) {
    std::copy_n(at, id.size(), id.begin());
    at += static_cast<std::ptrdiff_t>(id.size());
  }
  return boots;
}

std::array<std::byte, owner_size> encode_owner(const Process& owner) {
  std::array<std::byte, owner_size> bytes;
  const std::span to{bytes};
  store_le(to.subspan<0, 8>(), owner.number);
  store_le(to.subspan<8, 8>(), owner.start);
  store_le(to.subspan<16, 8>(), owner.pid_namespace);
  return bytes;
}

Process decode_owner(std::span<const std::byte, owner_size> from) {
  return {.number = load_le<std::uint64_t>(from.subspan<0, 8>()),
          .start = load_le<std::uint64_t>(from.subspan<8, 8>()),
          .pid_namespace = load_le<std::uint64_t>(from.subspan<16, 8>())};
}

[[noreturn]] void throw_damaged(const Directory& directory, std::string_view what) {
  throw CorruptionError("the control file " + quoted(directory.path() + "/" + control_name) + " is damaged: " +
                        std::string(what) + "; 'accrete verify --repair' makes it anew and keeps all values");
}

}  // namespace

std::string Control::initial(const Boots& boots, const ControlWords& words, bool has_failed_sync) {
  std::string text(magic);
  append_le(text, version);
  append_le(text, std::uint32_t{0});
  text += as_string_view(encode_boots(boots));
  text.resize(words_offset, '\0');
  text += as_string_view(encode_words(words));
  text.resize(failed_sync_offset, '\0');
  append_le(text, has_failed_sync ? failed_sync : 0);
  text.resize(file_size, '\0');
  return text;
}

Control::Control(Directory& directory, bool read_only) : directory_(directory), read_only_(read_only) {
  const std::optional<FileInfo> info = directory.info(control_name);
  if (!info) throw_damaged(directory, "it is missing");
  if (info->type == FileType::regular && info->size < file_size) throw_damaged(directory, "it is cut short");
  bytes_ = directory.share(control_name, {.size = file_size}, read_only);
  std::array<std::byte, boots_offset> front;
  bytes_->read(0, front);
  if (as_string_view(front).substr(0, magic.size()) != magic) throw_damaged(directory, "it does not begin as one");
  if (load_le<std::uint32_t>(std::span{front}.subspan<8, 4>()) != version) {
    throw_damaged(directory, "its version is unknown");
  }
}

Control::Header Control::load_unchecked() const {
  std::array<std::byte, intent_size_offset> raw;
  bytes_->read(0, raw);
  const std::span from{raw};
  Header header{.boots = decode_boots(from.subspan<boots_offset, boots_size>()),
                .owner = decode_owner(from.subspan<owner_offset, owner_size>()),
                .home = load_le<std::uint64_t>(from.subspan<home_offset, 8>())};
  const auto state = load_le<std::uint32_t>(from.subspan<state_offset, 4>());
  header.state = static_cast<ChangeState>(state);
  const bool is_idle = header.state == ChangeState::idle;
  if (!is_idle && header.state != ChangeState::intent && header.state != ChangeState::journal) {
    throw_damaged(directory_, "its state is unknown");
  }
  const auto words = is_idle ? from.subspan<words_offset, words_size>() : from.subspan<before_offset, words_size>();
  header.words = decode_words(words);
  return header;
}

Control::Header Control::load() const {
  Header header = load_unchecked();
  std::array<std::byte, words_size> raw;
  bytes_->read(header.state == ChangeState::idle ? words_offset : before_offset, raw);
  if (!is_sound(header.words, raw)) throw_damaged(directory_, "its words do not match their seal");
  return header;
}

Process Control::load_owner() const {
  std::array<std::byte, owner_size> raw;
  bytes_->read(owner_offset, raw);
  return decode_owner(raw);
}

std::uint64_t Control::load_home() const {
  std::array<std::byte, 8> raw;
  bytes_->read(home_offset, raw);
  return load_le<std::uint64_t>(std::span<const std::byte, 8>(raw));
}

ChangeState Control::load_state() const {
  std::array<std::byte, 4> raw;
  bytes_->read(state_offset, raw);
  return static_cast<ChangeState>(load_le<std::uint32_t>(std::span<const std::byte, 4>(raw)));
}

ControlWords Control::load_words(ChangeState state) const {
  std::array<std::byte, words_size> raw;
  bytes_->read(state == ChangeState::idle ? words_offset : before_offset, raw);
  return decode_words(raw);
}

/// An erase publishes its intent before it removes a file, and counts among the removals when it commits. So one that
/// has removed a file before this is called has either committed, and the number tells, or it is the change in
/// progress. What is read may be of several changes, but not if as many have been committed before as after: then the
/// change that is in progress, if there is one, is one throughout.
std::optional<std::uint64_t> Control::try_load_removals() const {
  constexpr int max_tries = 8;
  for (int i = 0; i < max_tries; ++i) {
    const ChangeState state = load_state();
    const std::uint64_t commits = load_words(state).commits;
    std::atomic_thread_fence(std::memory_order_acquire);
    if (state == ChangeState::intent && !is_append_intent()) return std::nullopt;
    std::atomic_thread_fence(std::memory_order_acquire);
    const ControlWords after = load_words(state);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (load_state() == state && after.commits == commits) return after.removals;
  }
  return std::nullopt;
}

/// A removal names one key at most, so a record that is spilled is of an append.
bool Control::is_append_intent() const {
  const IntentSeal seal = load_intent_seal();
  if (seal.size > inline_capacity) return true;
  try {
    return decode_intent(load_inline_intent(seal)).kind == Intent::Kind::append;
  } catch (const CorruptionError&) {
    return false;  // it was read while it was written
  }
}

std::string Control::load_intent() const {
  const IntentSeal seal = load_intent_seal();
  return seal.size <= inline_capacity ? load_inline_intent(seal) : load_spilled_intent(seal);
}

Control::IntentSeal Control::load_intent_seal() const {
  std::array<std::byte, 16> raw;
  bytes_->read(intent_size_offset, raw);
  return {.size = load_le<std::uint64_t>(std::span{raw}.subspan<0, 8>()),
          .checksum = load_le<std::uint64_t>(std::span{raw}.subspan<8, 8>())};
}

std::string Control::load_inline_intent(const IntentSeal& seal) const {
  std::string record(seal.size, '\0');
  bytes_->read(header_size, std::as_writable_bytes(std::span{record.data(), record.size()}));
  check_intent(record, seal);
  return record;
}

std::string Control::load_spilled_intent(const IntentSeal& seal) const {
  File& file = spill_file();
  const std::uint64_t there = file.size();
  if (there < file_size || seal.size > there - file_size) throw_damaged(directory_, "its intent record is cut short");
  std::string record(seal.size, '\0');
  record.resize(file.read_at(file_size, {record.data(), record.size()}));
  check_intent(record, seal);
  return record;
}

void Control::check_intent(std::string_view record, const IntentSeal& seal) const {
  if (hash64(record) != seal.checksum) throw_damaged(directory_, "the checksum of its intent record does not match");
}

void Control::begin_intent(const ControlWords& before, std::string_view record) {
  if (record.size() <= inline_capacity) {
    bytes_->write(header_size, as_byte_span(record));
  } else {
    spill_file().write_at(file_size, record);
  }
  std::array<std::byte, words_size + 16> raw;
  std::ranges::copy(encode_words(before), raw.begin());
  store_le(std::span{raw}.subspan<words_size, 8>(), std::uint64_t{record.size()});
  store_le(std::span{raw}.subspan<words_size + 8, 8>(), hash64(record));
  static_assert(intent_size_offset == before_offset + words_size);
  bytes_->write(before_offset, raw);
  set_state(ChangeState::intent);
}

void Control::begin_journal(const ControlWords& before) {
  bytes_->write(before_offset, encode_words(before));
  set_state(ChangeState::journal);
}

void Control::cancel() { set_state(ChangeState::idle); }

void Control::commit(const ControlWords& words) {
  bytes_->write(words_offset, encode_words(words));
  set_state(ChangeState::idle);
}

/// As a change, whose words do not count before all are there.
void Control::set_words(const ControlWords& words) {
  const Header header = load();
  if (header.state == ChangeState::idle) begin_journal(header.words);
  commit(words);
}

void Control::set_boots(const Boots& boots) { bytes_->write(boots_offset, encode_boots(boots)); }

void Control::set_owner(const Process& owner) {
  // Who reads it without the lock must not see one's number and another's start.
  constexpr std::size_t number_size = 8;
  const std::array<std::byte, owner_size> bytes = encode_owner(owner);
  const std::span from{bytes};
  bytes_->write(owner_offset, std::array<std::byte, number_size>{});
  std::atomic_thread_fence(std::memory_order_release);
  bytes_->write(owner_offset + number_size, from.subspan<number_size>());
  std::atomic_thread_fence(std::memory_order_release);
  bytes_->write(owner_offset, from.first<number_size>());
}

void Control::set_home(std::uint64_t directory) { bytes_->write(home_offset, le_bytes(directory)); }

bool Control::has_failed_sync() const {
  std::array<std::byte, 4> raw;
  bytes_->read(failed_sync_offset, raw);
  const auto found = load_le<std::uint32_t>(std::span{raw}.subspan<0, 4>());
  if (found != 0 && found != failed_sync) throw_damaged(directory_, "it cannot be told whether a sync has failed");
  return found != 0;
}

void Control::forget_failed_sync() {
  bytes_->write(failed_sync_offset, le_bytes(std::uint32_t{0}));
  sync();
}

void Control::note_failed_sync() noexcept {
  if (read_only_) return;
  try {
    bytes_->write(failed_sync_offset, le_bytes(failed_sync));
    bytes_->sync();
  } catch (const Error&) {
    // It stands in the page cache at best, which is where other processes look.
  }
}

void Control::sync() {
  sync_or_note(*bytes_, [this] { note_failed_sync(); });
}

void Control::set_state(ChangeState state) { bytes_->write(state_offset, le_bytes(static_cast<std::uint32_t>(state))); }

File& Control::spill_file() const {
  if (!spill_file_) spill_file_ = directory_.open(control_name, OpenMode::write);
  return *spill_file_;
}

}  // namespace accrete
