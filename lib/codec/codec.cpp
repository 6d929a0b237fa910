#include <accrete/codec.hpp>
#include <accrete/error.hpp>
#include <charconv>

#include "base/escape.hpp"
#include "codec/library.hpp"

namespace accrete {
namespace {

bool is_built(Method method) noexcept { return method == Method::stored || find_library(method); }

std::string built_names() {
  std::string names;
  for (const std::string& name : codec_names()) names.append(names.empty() ? "" : ", ").append(name);
  return names;
}

Codec make_codec(Method method, std::int64_t level) {
  const MethodInfo& info = info_of(method);
  if (!is_built(method)) {
    throw UnsupportedError("cannot use the codec " + quoted(info.name) +
                           ": this build of accrete lacks its library (it has " + built_names() +
                           "); build it with -D" + std::string(info.name) + "=enabled");
  }
  if (level < info.min_level || level > info.max_level) {
    throw InvalidArgumentError("cannot use the codec " + quoted(info.name) + " with the " +
                               std::string(info.level_name) + " " + std::to_string(level) + ": it takes " +
                               std::to_string(info.min_level) + " to " + std::to_string(info.max_level));
  }
  return CodecAccess::join(method, static_cast<int>(level));
}

[[noreturn]] void throw_no_such_codec(std::string_view name) {
  std::string with_levels;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    if (methods[i].max_level == 0 || !is_built(static_cast<Method>(i))) continue;
    with_levels.append(with_levels.empty() ? "" : ", ").append(methods[i].name);
  }
  throw InvalidArgumentError("there is no codec " + quoted(name) + "; there are: " + built_names() +
                             (with_levels.empty() ? "" : "; these take a number, as in 'zstd:9': " + with_levels));
}

std::int64_t parse_level(std::string_view name, std::string_view text) {
  std::int64_t level = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), level);
  if (error != std::errc{} || end != text.data() + text.size()) throw_no_such_codec(name);
  return level;
}

}  // namespace

std::string Codec::name() const {
  const MethodInfo& info = methods[method_];
  std::string name(info.name);
  if (level_ != info.default_level) name.append(":").append(std::to_string(level_));
  return name;
}

Codec lz4() { return make_codec(Method::lz4, 0); }
Codec zstd(int level) { return make_codec(Method::zstd, level); }
Codec snappy() { return make_codec(Method::snappy, 0); }
Codec zlib(int level) { return make_codec(Method::zlib, level); }
Codec bz2(int level) { return make_codec(Method::bz2, level); }

Codec blosc(std::size_t element_size) { return make_codec(Method::blosc, static_cast<std::int64_t>(element_size)); }

Codec parse_codec(std::string_view name) {
  const std::size_t colon = name.find(':');
  const std::string_view method_name = name.substr(0, colon);
  for (std::size_t i = 0; i < methods.size(); ++i) {
    const MethodInfo& info = methods[i];
    if (info.name != method_name) continue;
    if (colon == std::string_view::npos) return make_codec(static_cast<Method>(i), info.default_level);
    if (info.max_level == 0) throw_no_such_codec(name);
    return make_codec(static_cast<Method>(i), parse_level(name, name.substr(colon + 1)));
  }
  throw_no_such_codec(name);
}

std::vector<std::string> codec_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    if (is_built(static_cast<Method>(i))) names.emplace_back(methods[i].name);
  }
  return names;
}

}  // namespace accrete
