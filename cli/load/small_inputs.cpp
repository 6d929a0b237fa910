#include "cli/load/small_inputs.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <future>
#include <string_view>
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
constexpr std::size_t max_pass_over = 256;
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
  for (unsigned i = 0; i < options.threads; ++i) readers_.push_back({.parser = parser.clone()});
}

std::size_t SmallInputs::load(std::span<const std::string> paths) {
  // Where files cannot be loaded so, trying costs reading them twice: seldom, then.
  if (passed_over_ > 0) {
    --passed_over_;
    return 0;
  }
  before_ = totals_;
  const auto loaded = [this] { return static_cast<std::size_t>(totals_.inputs - before_.inputs); };
  try {
    load_groups(paths);
  } catch (...) {
    if (appender_.failed()) throw;
    wait();
    rethrow_with("; nothing of " + quoted(paths[loaded()]) +
                 " and of the inputs after it was appended, and the inputs before it are loaded whole");
  }
  if (loaded() > 0) next_pass_over_ = 0;
  if (loaded() < paths.size()) {
    passed_over_ = next_pass_over_;
    next_pass_over_ = std::min(2 * next_pass_over_ + 1, max_pass_over);
  }
  return loaded();
}

void SmallInputs::load_groups(std::span<const std::string> paths) {
  observer_.begin(counted(paths.size(), "file"), std::nullopt);
  while (const std::size_t count = group_size(paths)) {
    if (observer_.stop_is_asked() || load_group(paths.first(count)) < count) break;
    paths = paths.subspan(count);
  }
  wait();
}

/// Those that are gathered whole, up to the first that is not, are appended while the next ones are gathered.
std::size_t SmallInputs::load_group(std::span<const std::string> paths) {
  const std::size_t count = std::min(readers_.size(), paths.size());
  std::vector<Run> runs(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = paths.size() * i / count;
    runs[i].paths = paths.subspan(begin, paths.size() * (i + 1) / count - begin);
    runs[i].batch = appender_.make_batch();
  }
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < count; ++i) {
    // Where no thread is left, it is done when it is waited for.
    others.push_back(std::async(std::launch::async | std::launch::deferred,
                                [this, &reader = readers_[i], &run = runs[i]] { gather(reader, run); }));
  }
  gather(readers_[0], runs[0]);
  for (std::future<void>& other : others) other.get();

  std::size_t whole = 0;
  bool is_whole = true;
  for (Run& run : runs) {
    if (!is_whole) {
      appender_.discard(std::move(run.batch));
      continue;
    }
    settle(run);
    whole += run.whole;
    is_whole = run.whole == run.paths.size();
  }
  submit();
  return whole;
}

/// Its files, until one is not gathered whole, or has no room beside the others.
void SmallInputs::gather(Reader& reader, Run& run) const {
  for (const std::string& path : run.paths) {
    try {
      if (!try_gather(reader, path, run)) return;
    } catch (const std::exception&) {
      return;  // it comes once more when the file is loaded by itself
    }
    ++run.whole;
  }
}

bool SmallInputs::try_gather(Reader& reader, const std::string& path, Run& run) const {
  const std::unique_ptr<ByteSource> source = open_(path);
  std::string& buffer = reader.buffer;
  buffer.resize(max_small_bytes + 1 + longest_ending + InputBuffer::padding);
  std::size_t size = read_all(*source, buffer);
  if (size > max_small_bytes) return false;
  const std::string_view text(buffer.data(), size);
  const std::optional<InputFront> front = look_at_front(text, true);
  if (!front || !front->problem.empty()) return false;
  reader.parser->set_ending(front->ending);
  Row header;
  if (reader.parser->read_header(text.substr(front->mark_size), true, header) != RowKind::row) return false;

  reader.batch.clear();
  InputPart part;
  part.begin = front->mark_size + header.bytes.size();
  part.limit = size;
  part.room = max_batch_bytes_;
  part.batch = &reader.batch;
  part.ends_in_crlf = header.bytes.ends_with("\r\n");
  read_part(*reader.parser, options_, text, false, part);
  if (part.end_reason == InputPart::End::text) {
    const std::string_view ending = reader.parser->keeps_endings()
                                        ? missing_ending(text.substr(part.end), front->ending, part.ends_in_crlf)
                                        : std::string_view(&front->ending, 1);
    std::ranges::copy(ending, buffer.begin() + static_cast<std::ptrdiff_t>(size));
    part.begin = part.end;
    part.limit = size + ending.size();
    read_part(*reader.parser, options_, {buffer.data(), part.limit}, false, part);
  }
  if (part.end_reason != InputPart::End::limit) return false;
  if (run.batch.store_bytes() + reader.batch.store_bytes() > max_batch_bytes_) return false;

  run.batch.add(reader.batch);
  run.totals +=
      {.inputs = 1, .rows = part.rows, .bytes = reader.batch.bytes(), .malformed = part.malformed, .input_bytes = size};
  for (const auto& [lines, problem] : part.problems) {
    run.problems.push_back(at_line(source->name(), 1 + header.line_count + lines) + problem);
  }
  return true;
}

void SmallInputs::settle(Run& run) {
  for (const std::string& problem : run.problems) observer_.malformed_row(problem);
  if (appender_.gathered_store_bytes() + run.batch.store_bytes() > max_batch_bytes_) submit();
  if (gathering_.totals.inputs == 0) gathering_.first_path = run.paths.front();
  gathering_.totals += run.totals;
  appender_.gather(std::move(run.batch));
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
    rethrow_with("; nothing of " + quoted(appending_.first_path) + " and of the inputs after it was appended" +
                 (totals_.inputs > 0 ? ", and the inputs before it are loaded whole" : ""));
  }
  totals_ += std::exchange(appending_, {}).totals;
  observer_.advanced(totals_.input_bytes - before_.input_bytes, totals_.rows - before_.rows);
}

}  // namespace accrete::cli
