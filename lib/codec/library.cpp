#include "codec/library.hpp"

namespace accrete {

const Library* find_library(Method method) noexcept {
  switch (method) {
#ifdef ACCRETE_LZ4
    case Method::lz4:
      return &lz4_library;
#endif
#ifdef ACCRETE_ZSTD
    case Method::zstd:
      return &zstd_library;
#endif
#ifdef ACCRETE_SNAPPY
    case Method::snappy:
      return &snappy_library;
#endif
#ifdef ACCRETE_ZLIB
    case Method::zlib:
      return &zlib_library;
#endif
#ifdef ACCRETE_BZ2
    case Method::bz2:
      return &bz2_library;
#endif
#ifdef ACCRETE_BLOSC
    case Method::blosc:
      return &blosc_library;
#endif
    default:
      return nullptr;
  }
}

}  // namespace accrete
