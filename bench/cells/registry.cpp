#include "registry.hpp"

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
#ifdef BENCH_REDIS
  add_redis_engines(types);
#endif
  return types;
}

}  // namespace

const std::vector<EngineType>& engine_types() {
  static const std::vector<EngineType> types = make_engine_types();
  return types;
}

}  // namespace bench
