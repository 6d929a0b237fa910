// accrete stat: what a dataset holds, in a few lines.
#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/escape.hpp"
#include "cli/program.hpp"
#include "cli/text_format.hpp"
#include "os/standard_streams.hpp"

namespace accrete::cli {
namespace {

/// Values by the number of decimal digits of their sizes; the first counts the empty ones.
using Histogram = std::vector<std::uint64_t>;

constexpr std::size_t max_digits = 20;

Histogram histogram_of(const std::vector<KeySize>& keys) {
  Histogram histogram(max_digits + 1);
  for (const KeySize& key : keys) {
    std::size_t digits = 0;
    for (std::uint64_t size = key.size; size > 0; size /= 10) ++digits;
    ++histogram[digits];
  }
  return histogram;
}

std::string range_of(std::size_t digits) {
  if (digits == 0) return "empty";
  constexpr std::array<const char*, 7> units = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  const std::size_t power = digits - 1;
  const std::string zeros(power % 3, '0');
  const std::string nines(power % 3, '9');
  const std::string unit = units[power / 3];
  return "1" + zeros + " to 9" + nines + (power < 3 ? " " : ".9 ") + unit;
}

std::string padded(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

void write_histogram(Output& out, const Histogram& histogram) {
  const auto used = [](std::uint64_t count) { return count > 0; };
  const auto first = std::find_if(histogram.begin(), histogram.end(), used);
  const auto last = std::find_if(histogram.rbegin(), histogram.rend(), used).base();
  const std::uint64_t max_count = *std::max_element(first, last);
  constexpr std::size_t range_width = 18;
  const std::size_t count_width = grouped(max_count).size();
  const std::size_t taken = range_width + count_width + 5;
  const std::size_t width = std::min<std::size_t>(terminal_width(StandardStream::output), 100);
  const std::size_t room = width > taken + 10 ? width - taken : 10;
  out.write("\n" + padded("value size", range_width) + "  " + "keys\n");
  for (auto bucket = first; bucket != last; ++bucket) {
    const auto digits = static_cast<std::size_t>(bucket - histogram.begin());
    const double share = static_cast<double>(*bucket) / static_cast<double>(max_count);
    const auto bar = static_cast<std::size_t>(share * static_cast<double>(room) + 0.999);
    out.write(padded(range_of(digits), range_width) + "  " + padded(grouped(*bucket), count_width) +
              (bar > 0 ? "  " + std::string(bar, '#') : "") + "\n");
  }
}

/// Of the bytes that are not buffered.
std::string stored_share(const Stats& totals) {
  const std::uint64_t below = totals.bytes - std::min(totals.buffered_bytes, totals.bytes);
  if (below == 0) return "";
  const double percent = 100 * static_cast<double>(totals.stored_bytes) / static_cast<double>(below);
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), " (%.1f %% of the bytes)", percent);
  return {text.data(), static_cast<std::size_t>(length)};
}

class StatArguments {
 public:
  void add_to(CLI::App& command) {
    dataset_.add_to(command);
    command.add_flag(
        "--json", json_,
        "Write one object, without going over the keys (with a codec, over their pieces); of a served dataset, "
        "with all that the server counts");
    command.footer("Example:\n  accrete stat flights\n  accrete stat --json flights\n");
  }

  void run(Program& program) const {
    const std::unique_ptr<Store> store = dataset_.open();
    const bool is_path = dataset_.dataset.find("://") == std::string::npos;
    const std::optional<DatasetInfo> about = is_path ? std::optional(info(dataset_.dataset)) : std::nullopt;
    const std::optional<ServerStats> server = server_stats(*store);
    const Stats totals = store->stats();
    if (json_) return write_json(program.out(), about, totals, server);
    Output& out = program.out();
    if (about) {
      out.write("layout   " + about->layout + ", format version " + std::to_string(about->format_version) + "\n");
      out.write("uuid     " + about->uuid + "\n");
    }
    out.write("keys     " + grouped(totals.keys) + "\n");
    out.write("bytes    " + grouped(totals.bytes) + (totals.bytes < 1000 ? "" : " (" + byte_size(totals.bytes) + ")") +
              "\n");
    if (about && about->codec != "none") {
      out.write("codec    " + about->codec + "\n");
      out.write("stored   " + byte_size(totals.stored_bytes) + stored_share(totals) + "\n");
    }
    if (server) {
      out.write("buffered " + byte_size(totals.buffered_bytes) + " of these, after " + grouped(totals.flushes) +
                " flushes\n");
      out.write("clients  " + grouped(server->clients) + "\n");
      out.write("batches  " + grouped(server->batches) + " applied (" + byte_size(server->batch_bytes) + "), " +
                grouped(server->refused_batches) + " refused, since the server began\n");
    }
    const std::vector<KeySize> keys = store->list();
    if (keys.empty()) return;
    const auto by_size = [](const KeySize& left, const KeySize& right) { return left.size < right.size; };
    const KeySize& largest = *std::max_element(keys.begin(), keys.end(), by_size);
    out.write("largest  " + accrete::quoted(largest.key) + ", " + byte_size(largest.size) + "\n");
    write_histogram(out, histogram_of(keys));
  }

 private:
  static void write_json(Output& out, const std::optional<DatasetInfo>& about, const Stats& totals,
                         const std::optional<ServerStats>& server) {
    nlohmann::ordered_json object;
    if (about) {
      object = {{"layout", about->layout},
                {"format_version", about->format_version},
                {"codec", about->codec},
                {"uuid", about->uuid}};
    }
    object["keys"] = totals.keys;
    object["bytes"] = totals.bytes;
    object["stored_bytes"] = totals.stored_bytes;
    object["buffered_bytes"] = totals.buffered_bytes;
    object["flushes"] = totals.flushes;
    if (server) {
      object["server"] = {{"clients", server->clients},
                          {"refused_clients", server->refused_clients},
                          {"batches", server->batches},
                          {"batch_bytes", server->batch_bytes},
                          {"refused_batches", server->refused_batches},
                          {"queued_bytes", server->queued_bytes},
                          {"answers", server->answers}};
    }
    out.write(object.dump() + "\n");
  }

  DatasetArguments dataset_;
  bool json_ = false;
};

}  // namespace

void add_stat_command(CLI::App& app, Program& program) {
  add_command<StatArguments>(app, program, "stat", "Show what a dataset holds");
}

}  // namespace accrete::cli
