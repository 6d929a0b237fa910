#include "codec/stream_decoder.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <string>

namespace accrete {
namespace {

using namespace std::string_view_literals;

struct Beginning {
  StreamFormat format;
  std::string_view bytes;
};

// A bzip2 stream begins with "BZh", its level, and the first digits of pi; an empty one with those of its square root.
constexpr auto beginnings = std::to_array<Beginning>({
    {StreamFormat::gzip, "\x1F\x8B\x08"sv},
    {StreamFormat::zstd, "(\xB5/\xFD"sv},
    {StreamFormat::xz,
     "\xFD"
     "7zXZ\0"sv},
});
constexpr std::string_view bzip2_front = "BZh";
constexpr std::string_view bzip2_block = "1AY&SY";
constexpr std::string_view bzip2_end = "\x17\x72\x45\x38\x50\x90";

enum class Match { no, cut, yes };

Match begins_with(std::string_view front, std::string_view bytes) {
  if (front.starts_with(bytes)) return Match::yes;
  return bytes.starts_with(front) ? Match::cut : Match::no;
}

Match is_bzip2(std::string_view front) {
  const Match first = begins_with(front, bzip2_front);
  if (first != Match::yes) return first;
  if (front.size() == bzip2_front.size()) return Match::cut;
  const char level = front[bzip2_front.size()];
  if (level < '1' || level > '9') return Match::no;
  const std::string_view rest = front.substr(bzip2_front.size() + 1);
  return std::max(begins_with(rest, bzip2_block), begins_with(rest, bzip2_end));
}

/// Frames of zstd's that hold no text, which programs that work in parallel write in front.
Match is_skippable_frame(std::string_view front) {
  if (front.empty()) return Match::cut;
  if (front[0] < '\x50' || front[0] > '\x5F') return Match::no;
  return begins_with(front.substr(1), "\x2A\x4D\x18");
}

}  // namespace

std::string_view name_of(StreamFormat format) noexcept {
  switch (format) {
    case StreamFormat::gzip:
      return "gzip";
    case StreamFormat::zstd:
      return "zstd";
    case StreamFormat::bzip2:
      return "bzip2";
    case StreamFormat::xz:
      return "xz";
    case StreamFormat::none:
      break;
  }
  return "no stream";
}

std::optional<StreamFormat> stream_format_of(std::string_view front, bool complete) noexcept {
  bool is_cut = false;
  const auto look = [&](Match match) {
    is_cut = is_cut || match == Match::cut;
    return match == Match::yes;
  };
  for (const Beginning& beginning : beginnings) {
    if (look(begins_with(front, beginning.bytes))) return beginning.format;
  }
  if (look(is_bzip2(front))) return StreamFormat::bzip2;
  if (look(is_skippable_frame(front))) return StreamFormat::zstd;
  if (is_cut && !complete) return std::nullopt;
  return StreamFormat::none;
}

std::unique_ptr<StreamDecoder> make_stream_decoder(StreamFormat format) {
  switch (format) {
#ifdef ACCRETE_ZLIB
    case StreamFormat::gzip:
      return make_gzip_decoder();
#endif
#ifdef ACCRETE_ZSTD
    case StreamFormat::zstd:
      return make_zstd_decoder();
#endif
#ifdef ACCRETE_BZ2
    case StreamFormat::bzip2:
      return make_bzip2_decoder();
#endif
#ifdef ACCRETE_XZ
    case StreamFormat::xz:
      return make_xz_decoder();
#endif
    default:
      throw UnsupportedError("cannot decode a stream of " + std::string(name_of(format)) +
                             ": this build of accrete has no library for it");
  }
}

}  // namespace accrete
