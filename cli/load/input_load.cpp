#include "cli/load/input_load.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <future>

#include "base/escape.hpp"
#include "cli/load/input_front.hpp"
#include "cli/load/line_reader.hpp"
#include "cli/text_format.hpp"

namespace accrete::cli {
namespace {

constexpr std::size_t compared_bytes = 64 << 10;  // of a first row

constexpr std::size_t window_bytes = batch_bytes + (1 << 20);  // a batch, and the row that reaches beyond it

std::uint64_t batch_limit_after(std::uint64_t offset) { return (offset / batch_bytes + 1) * batch_bytes; }

}  // namespace

InputLoad::InputLoad(Store& store, RowParser& parser, RowHeader& header, const LoadOptions& options,
                     LoadObserver& observer, ByteSource& source)
    : parser_(parser),
      row_header_(header),
      options_(options),
      observer_(observer),
      source_(source),
      buffer_(source, window_bytes, options.max_row_bytes, options.stop_fd),
      appender_(store, [this] { (void)observer_.stop_is_asked(); }),
      max_batch_bytes_(std::min(store.max_batch_bytes(), max_appended_bytes)),
      has_id_(options.id.has_value()) {}

void InputLoad::run(LoadId* id) {
  std::exception_ptr failure;
  try {
    read_front();
    read_header();
    if (id) resume(*id);
    read_rows();
  } catch (...) {
    failure = std::current_exception();
  }
  if (!appender_.failed()) {
    submit();
    appender_.wait();
  }
  if (failure) std::rethrow_exception(failure);
}

void InputLoad::read_front() {
  std::optional<InputFront> front;
  while (!(front = look_at_front(buffer_.text(), buffer_.complete()))) fill();
  if (!front->problem.empty()) throw Error(escape(source_.name()) + " " + front->problem);
  buffer_.consume(front->mark_size);
  ending_ = front->ending;
  parser_.set_ending(ending_);
}

void InputLoad::read_header() {
  RowKind kind = RowKind::incomplete;
  while ((kind = parser_.read_header(buffer_.text(), is_last(), row_)) == RowKind::incomplete) {
    if (buffer_.complete()) return;
    if (buffer_.text().size() > options_.max_row_bytes) fail("the header is longer than " + max_row_text());
    fill();
  }
  if (kind == RowKind::malformed) fail(row_.problem);
  if (!row_header_.keep()) return read_header();
  header_ = row_.bytes;
  pass_row();
  buffer_.consume(row_.bytes.size());
}

void InputLoad::read_rows() {
  batch_limit_ = batch_limit_after(buffer_.offset());
  while (true) {
    switch (read_parts()) {
      case InputPart::End::limit:
        submit_if_due();
        break;
      case InputPart::End::full:
        // Where nothing else is gathered, it is the row that is too large, which the store says.
        if (appender_.gathered_store_bytes() == 0) {
          take_alone();
        } else {
          submit();
        }
        break;
      case InputPart::End::alone:
        take_alone();
        break;
      case InputPart::End::text:
        if (buffer_.text().size() > options_.max_row_bytes) {
          pass_long_row();
        } else if (!buffer_.complete()) {
          fill();
        } else {
          if (!buffer_.text().empty()) observer_.unended_row(source_, buffer_.text().size());
          return;
        }
    }
  }
}

/// Reads the rows of the text up to where the batch ends, at the same time in each of its parts. Where a part begins is
/// a guess, for a line's ending may stand within quotes: where it is wrong, the next call begins at what is right.
InputPart::End InputLoad::read_parts() {
  const std::string_view text = buffer_.text();
  if (text.empty()) return InputPart::End::text;
  std::vector<InputPart> parts = cut();
  std::vector<Batch> batches;
  for (std::size_t i = 0; i < parts.size(); ++i) batches.push_back(appender_.make_batch());
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i].batch = &batches[i];
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    // Where no thread is left, it is read when it is waited for.
    others.push_back(
        std::async(std::launch::async | std::launch::deferred, [this, text, &parser = parser_of(i), &part = parts[i]] {
          read_part(parser, options_, text, is_last(), part);
        }));
  }
  read_part(parser_, options_, text, is_last(), parts[0]);
  for (std::future<void>& other : others) other.wait();
  const std::uint64_t offset = buffer_.offset();
  std::size_t last = 0;
  appender_.gather(std::move(batches[0]));
  settle(parts[0], offset);
  while (last + 1 < parts.size() && parts[last].end_reason == InputPart::End::limit &&
         parts[last + 1].begin == parts[last].end) {
    ++last;
    others[last - 1].get();
    if (appender_.gathered_store_bytes() + batches[last].store_bytes() > max_batch_bytes_) submit();
    appender_.gather(std::move(batches[last]));
    settle(parts[last], offset);
  }
  for (std::size_t i = last + 1; i < parts.size(); ++i) appender_.discard(std::move(batches[i]));
  buffer_.consume(parts[last].end);
  return parts[last].end_reason;
}

/// Parts of the text, of about the same size, up to where the batch ends.
std::vector<InputPart> InputLoad::cut() const {
  const std::string_view text = buffer_.text();
  const std::size_t size = std::min<std::uint64_t>(text.size(), batch_limit_ - buffer_.offset());
  const std::size_t count = std::clamp<std::size_t>(size / min_part_bytes, 1, options_.threads);
  std::vector<InputPart> parts(count);
  for (std::size_t i = 0; i < count; ++i) {
    parts[i].limit = size * (i + 1) / count;
    parts[i].room = max_batch_bytes_;
    if (i == 0) continue;
    const std::size_t ending = text.find(ending_, parts[i - 1].limit - 1);
    parts[i].begin = std::min(ending == std::string_view::npos ? text.size() : ending + 1, text.size());
  }
  parts[0].room -= std::min(parts[0].room, appender_.gathered_store_bytes());
  return parts;
}

RowParser& InputLoad::parser_of(std::size_t part) {
  while (other_parsers_.size() < part) other_parsers_.push_back(parser_.clone());
  return *other_parsers_[part - 1];
}

void InputLoad::settle(const InputPart& part, std::uint64_t offset) {
  for (const auto& [lines, problem] : part.problems) tell_of_malformed(line_ + lines, problem);
  malformed_ += part.malformed;
  line_ += part.line_count;
  rows_ += part.rows;
  if (part.end > part.begin) crlf_ = part.ends_in_crlf;
  taken_end_ = offset + part.end;
}

/// The row at the front of the text.
void InputLoad::take_alone() {
  parser_.feed(buffer_.text(), is_last());
  const RowKind kind = parser_.next(row_);
  if (row_.bytes.size() > options_.max_row_bytes) return pass_long_row();
  take(kind, buffer_.offset() + row_.bytes.size());
  buffer_.consume(row_.bytes.size());
  submit_if_due();
}

void InputLoad::take(RowKind kind, std::uint64_t end) {
  std::string problem;
  if (kind != RowKind::blank && !may_become_entry(kind, row_, options_, problem)) {
    malformed(problem);
  } else if (kind == RowKind::row) {
    ++rows_;
    if (row_.value.size() >= large_row_bytes) return append_alone(end);
    const std::uint64_t row_bytes = row_.key.size() + row_.value.size() + added_ending().size() + entry_overhead;
    if (appender_.gathered_store_bytes() + row_bytes > max_batch_bytes_) submit();
    appender_.last_gathered().add(row_.key, row_.value, added_ending());
  }
  pass_row();
  taken_end_ = end;
}

/// As a part of a batch it would be in memory twice.
void InputLoad::append_alone(std::uint64_t end) {
  submit();
  const std::array<Entry, 2> row = {Entry{row_.key, row_.value}, Entry{row_.key, added_ending()}};
  appender_.append_row(row, sequence_at(end));
  pass_row();
  taken_end_ = end;
}

void InputLoad::submit() {
  if (appender_.gathered_store_bytes() > 0) appender_.submit(sequence_at(taken_end_));
}

/// At the end of a batch.
void InputLoad::submit_if_due() {
  if (taken_end_ < batch_limit_) return;
  batch_limit_ = batch_limit_after(taken_end_);
  submit();
}

/// 0 without an id.
std::uint64_t InputLoad::sequence_at(std::uint64_t offset) {
  if (!has_id_) return 0;
  return LoadPosition{.offset = offset, .check = static_cast<std::uint16_t>(buffer_.hash_to(offset))}.sequence();
}

/// Whoever waits for input has time to wait for the store as well, and to tell of its errors. Before each fill, also
/// where nothing can be gathered yet: while bytes are due, a fill waits for no more of them.
void InputLoad::hand_down_if_due() {
  if (!buffer_.due() || InputBuffer::Clock::now() < *buffer_.due()) return;
  buffer_.reset_due();
  submit();
  appender_.wait();
}

void InputLoad::pass_row() {
  line_ += row_.line_count;
  crlf_ = row_.bytes.ends_with("\r\n");
}

std::string_view InputLoad::added_ending() const {
  return parser_.keeps_endings() ? missing_ending(row_.bytes, ending_, crlf_) : std::string_view{};
}

/// Like any malformed row it is passed over up to the end of its first line.
void InputLoad::pass_long_row() {
  malformed("the row is longer than " + max_row_text());
  submit();  // what follows is consumed in parts, at none of which a batch can end
  while (true) {
    const std::string_view text = buffer_.text();
    const std::size_t ending = text.find(ending_);
    if (ending != std::string_view::npos) {
      buffer_.consume(ending + 1);
      ++line_;
      taken_end_ = buffer_.offset();
      return submit_if_due();
    }
    buffer_.consume(text.size());
    if (buffer_.complete()) return;
    fill();
  }
}

/// Goes on where the load of this name came to before.
void InputLoad::resume(LoadId& id) {
  buffer_.start_hashing();
  taken_end_ = buffer_.offset();
  const std::optional<std::string> first = first_row();
  taken_end_ = buffer_.offset();
  if (!first) return;
  const auto loaded = LoadPosition::from_sequence(appender_.identify(id.writer_of(header_, *first)));
  if (loaded.offset == 0) return;
  skip_loaded(loaded, id);
  resumed_bytes_ = loaded.offset;
  taken_end_ = loaded.offset;
}

/// As much of the first row as tells inputs apart; nullopt if there is none. Blank lines before it are passed.
std::optional<std::string> InputLoad::first_row() {
  while (true) {
    parser_.feed(buffer_.text(), is_last());
    const RowKind kind = parser_.next(row_);
    if (kind == RowKind::row || kind == RowKind::malformed) {
      return std::string(without_ending(row_.bytes).substr(0, compared_bytes));
    }
    if (kind == RowKind::blank) {
      pass_row();
      buffer_.consume(row_.bytes.size());
    } else if (buffer_.text().size() > options_.max_row_bytes) {
      return std::string(buffer_.text().substr(0, compared_bytes));
    } else if (buffer_.complete()) {
      return std::nullopt;
    } else {
      fill();
    }
  }
}

void InputLoad::skip_loaded(LoadPosition loaded, const LoadId& id) {
  std::string last_two;
  while (buffer_.offset() < loaded.offset) {
    const std::string_view text = buffer_.text().substr(0, loaded.offset - buffer_.offset());
    line_ += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), ending_));
    last_two.append(text.substr(text.size() - std::min<std::size_t>(text.size(), 2)));
    last_two.erase(0, last_two.size() - std::min<std::size_t>(last_two.size(), 2));
    buffer_.consume(text.size());
    if (buffer_.offset() == loaded.offset) break;
    if (buffer_.complete()) {
      fail("the input has " + std::to_string(buffer_.offset()) + " bytes, but " + std::to_string(loaded.offset) +
           " were loaded before under the id " + quoted(id.name()) + ": it is not the same input");
    }
    fill();
  }
  if (static_cast<std::uint16_t>(buffer_.hash_to(loaded.offset)) != loaded.check) {
    fail("the first " + std::to_string(loaded.offset) + " bytes of the input are not those that were loaded before " +
         "under the id " + quoted(id.name()) + ": it is not the same input; load it under another id");
  }
  crlf_ = last_two == "\r\n";
}

/// What was read before somebody asked to stop has been gone through when this is called the next time.
void InputLoad::fill() {
  hand_down_if_due();
  if (observer_.stop_is_asked()) {
    fail("stopped by a signal, with the rows up to byte " + std::to_string(taken_end_) + " of this input");
  }
  observer_.advanced(buffer_.offset(), rows_);
  buffer_.fill();
}

void InputLoad::malformed(const std::string& problem) {
  if (!options_.skip_malformed) fail(problem);
  ++malformed_;
  tell_of_malformed(line_, problem);
}

void InputLoad::tell_of_malformed(std::uint64_t line, const std::string& problem) {
  observer_.malformed_row(at_line(source_.name(), line) + problem);
}

void InputLoad::fail(const std::string& problem) const { throw Error(at_line(source_.name(), line_) + problem); }

std::string InputLoad::max_row_text() const { return std::to_string(options_.max_row_bytes) + " bytes"; }

void InputLoad::add_to(LoadTotals& totals) const {
  totals.rows += appender_.rows();
  totals.bytes += appender_.bytes();
  totals.malformed += malformed_;
  totals.input_bytes += buffer_.offset();
  totals.resumed_bytes += resumed_bytes_;
}

std::string InputLoad::what_was_appended() const {
  std::string text = nothing_was_appended;
  if (appender_.rows() > 0) {
    text = counted(appender_.rows(), "row") + " (" + counted(appender_.bytes(), "byte") + ") of this input " +
           (appender_.rows() == 1 ? "was" : "were") + " appended before it";
  }
  if (resumed_bytes_ == 0) return text;
  return text + ", but for its first " + counted(resumed_bytes_, "byte") + ", by an earlier load of the same id";
}

}  // namespace accrete::cli
