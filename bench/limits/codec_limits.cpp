// Limits of compressing: the bare libraries over pieces of 64 KiB of a text.
#include "limits/bare_codecs.hpp"
#include "text.hpp"

namespace bench {
namespace {

void compress(benchmark::State& state, const std::string& codec) {
  constexpr std::size_t piece_size = 64 * kibibyte;
  constexpr std::size_t pool_size = 4 * mebibyte;  // as the patterns that append text have it
  // Libraries that have no context to be used again then get the memory of their last call.
  accrete::keep_freed_memory(kept_bytes);
  const std::string pool = text_of(SAMPLE_TEXT, pool_size);
  const Coder bare = bare_codec(codec);
  for (auto _ : state) {
    for (std::size_t at = 0; at < pool_size; at += piece_size) bare.encode({pool.data() + at, piece_size});
  }
  set_bytes(state, pool_size);
}

const bool are_added = [] {
  for (const std::string& codec : accrete::codec_names()) {
    if (codec != "stored") benchmark::RegisterBenchmark(("compress_" + codec).c_str(), compress, codec)->UseRealTime();
  }
  return true;
}();

}  // namespace
}  // namespace bench
