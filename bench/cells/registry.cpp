#include "registry.hpp"

#include <algorithm>

namespace bench {
namespace {

std::vector<EngineType> make_engine_types() {
  std::vector<EngineType> types;
  add_accrete_engines(types);
  add_stdio_engines(types);
#ifdef BENCH_ROCKSDB
  add_rocksdb_engines(types);
#endif
#ifdef BENCH_LMDB
  add_lmdb_engines(types);
#endif
#ifdef BENCH_LEVELDB
  add_leveldb_engines(types);
#endif
#ifdef BENCH_SQLITE
  add_sqlite_engines(types);
#endif
#ifdef BENCH_HIREDIS
  add_redis_engines(types);
#endif
  return types;
}

}  // namespace

const std::vector<EngineType>& engine_types() {
  static const std::vector<EngineType> types = make_engine_types();
  return types;
}

const EngineType* find_engine_type(std::string_view name) {
  const std::vector<EngineType>& types = engine_types();
  const auto found = std::ranges::find_if(types, [&](const EngineType& type) { return type.description.name == name; });
  return found == types.end() ? nullptr : &*found;
}

}  // namespace bench
