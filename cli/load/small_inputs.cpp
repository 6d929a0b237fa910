#include "cli/load/small_inputs.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <future>
#include <optional>
#include <system_error>
#include <utility>

#include "base/escape.hpp"
#include "cli/load/input_buffer.hpp"
#include "cli/load/input_front.hpp"
#include "cli/rethrow_with.hpp"
#include "cli/text_format.hpp"

namespace accrete::cli {
namespace {

constexpr std::uint64_t max_small_bytes = 2 * min_part_bytes;  // of a larger input the parts are read side by side
constexpr std::size_t max_group_inputs = 1024;
constexpr std::size_t longest_ending = 2;

/// Of a file; nullopt where it is none, or not a small one.
std::optional<std::uint64_t> small_size(const std::string& path) {
  std::error_code error;
  if (path == standard_input_path || !std::filesystem::is_regular_file(path, error)) return std::nullopt;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  return error || size > max_small_bytes ? std::nullopt : std::optional(size);
}

/// Of the small files at the front, as many as make a batch.
std::size_t group_size(std::span<const std::string> paths) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::optional<std::uint64_t> size = small_size(paths[i]);
    if (!size || i == max_group_inputs || bytes + *size > batch_bytes) return i;
    bytes += *size;
  }
  return paths.size();
}

/// How much the source has up to its end, or more than max_small_bytes. The buffer has room for that.
std::size_t read_all(ByteSource& source, std::string& buffer) {
  std::size_t size = 0;
  while (size <= max_small_bytes) {
    const std::size_t more = source.read({buffer.data() + size, max_small_bytes + 1 - size});
    if (more == 0) break;
    size += more;
  }
  return size;
}

}  // namespace

SmallInputs::SmallInputs(Store& store, const RowParser& parser, const LoadOptions& options, LoadObserver& observer,
                         const OpenInput& open, LoadTotals& totals)
    : options_(options),
      observer_(observer),
      open_(open),
      totals_(totals),
      appender_(store, [this] { (void)observer_.stop_is_asked(); }),
      max_batch_bytes_(std::min(store.max_batch_bytes(), max_appended_bytes)) {
  for (unsigned i = 0; i < options.threads; ++i) parsers_.push_back(parser.clone());
}

std::size_t SmallInputs::load(std::span<const std::string> paths) {
  observer_.begin(counted(paths.size(), "file"), std::nullopt);
  std::size_t loaded = 0;
  while (const std::size_t count = group_size(paths.subspan(loaded))) {
    if (observer_.stop_is_asked()) break;
    const std::size_t whole = load_group(paths.subspan(loaded, count));
    loaded += whole;
    if (whole < count) break;
  }
  wait();
  return loaded;
}

/// Those whose rows are gathered whole, up to the first that is not, are appended while the next ones are gathered.
std::size_t SmallInputs::load_group(std::span<const std::string> paths) {
  std::vector<Gathered> gathered(paths.size());
  for (Gathered& one : gathered) one.batch = appender_.make_batch();
  std::atomic<std::size_t> next = 0;
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < std::min(parsers_.size(), paths.size()); ++i) {
    // Where no thread is left, there is nothing left to do either when it is waited for.
    others.push_back(std::async(std::launch::async | std::launch::deferred,
                                [&, &parser = *parsers_[i]] { gather_some(parser, paths, gathered, next); }));
  }
  gather_some(*parsers_[0], paths, gathered, next);
  for (std::future<void>& other : others) other.get();

  std::size_t whole = 0;
  for (; whole < gathered.size() && gathered[whole].is_whole; ++whole) settle(gathered[whole]);
  for (std::size_t i = whole; i < gathered.size(); ++i) appender_.discard(std::move(gathered[i].batch));
  submit();
  return whole;
}

/// Takes the next of the files, until none is left or one is not gathered whole.
void SmallInputs::gather_some(RowParser& parser, std::span<const std::string> paths, std::span<Gathered> gathered,
                              std::atomic<std::size_t>& next) const {
  std::string buffer(max_small_bytes + 1 + longest_ending + InputBuffer::padding, '\0');
  for (std::size_t i = next++; i < paths.size(); i = next++) {
    try {
      gather(parser, paths[i], buffer, gathered[i]);
    } catch (const std::exception&) {
      // It comes once more when the file is loaded by itself.
    }
    if (!gathered[i].is_whole) next = paths.size();
  }
}

void SmallInputs::gather(RowParser& parser, const std::string& path, std::string& buffer, Gathered& to) const {
  const std::unique_ptr<ByteSource> source = open_(path);
  std::size_t size = read_all(*source, buffer);
  if (size > max_small_bytes) return;
  const std::string_view text(buffer.data(), size);
  const std::optional<InputFront> front = look_at_front(text, true);
  if (!front || !front->problem.empty()) return;
  parser.set_ending(front->ending);
  Row header;
  if (parser.read_header(text.substr(front->mark_size), true, header) != RowKind::row) return;

  to.name = source->name();
  to.input_bytes = size;
  to.header_lines = header.line_count;
  InputPart& part = to.part;
  part.begin = front->mark_size + header.bytes.size();
  part.limit = size;
  part.room = max_batch_bytes_;
  part.batch = &to.batch;
  part.ends_in_crlf = header.bytes.ends_with("\r\n");
  read_part(parser, options_, text, false, part);
  if (part.end_reason == InputPart::End::text) {
    const std::string_view ending = parser.keeps_endings()
                                        ? missing_ending(text.substr(part.end), front->ending, part.ends_in_crlf)
                                        : std::string_view(&front->ending, 1);
    std::ranges::copy(ending, buffer.begin() + static_cast<std::ptrdiff_t>(size));
    size += ending.size();
    part.begin = part.end;
    part.limit = size;
    read_part(parser, options_, {buffer.data(), size}, false, part);
  }
  to.is_whole = part.end_reason == InputPart::End::limit;
}

void SmallInputs::settle(Gathered& gathered) {
  for (const auto& [lines, problem] : gathered.part.problems) {
    observer_.malformed_row(at_line(gathered.name, 1 + gathered.header_lines + lines) + problem);
  }
  if (appender_.gathered_store_bytes() + gathered.batch.store_bytes() > max_batch_bytes_) submit();
  if (gathering_.totals.inputs == 0) gathering_.first_name = gathered.name;
  gathering_.totals += {.inputs = 1,
                        .rows = gathered.part.rows,
                        .bytes = gathered.batch.bytes(),
                        .malformed = gathered.part.malformed,
                        .input_bytes = gathered.input_bytes};
  appender_.gather(std::move(gathered.batch));
}

void SmallInputs::submit() {
  if (gathering_.totals.inputs == 0) return;
  wait();
  appending_ = std::exchange(gathering_, {});
  appender_.submit(0);
}

/// Until the inputs that were submitted are loaded.
void SmallInputs::wait() {
  try {
    appender_.wait();
  } catch (...) {
    rethrow_with("; nothing of " + quoted(appending_.first_name) + " and of the inputs after it was appended" +
                 (totals_.inputs > 0 ? ", and the inputs before it are loaded whole" : ""));
  }
  totals_ += std::exchange(appending_, {}).totals;
  observer_.advanced(totals_.input_bytes, totals_.rows);
}

}  // namespace accrete::cli
