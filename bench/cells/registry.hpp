// The engines of a program: registry.cpp has those of bench_cell.
#pragma once

#include <vector>

#include "engine.hpp"

namespace bench {

[[nodiscard]] const std::vector<EngineType>& engine_types();

// Each is defined in the file of its library, if the build has that.
void add_accrete_engines(std::vector<EngineType>& types);
void add_stdio_engines(std::vector<EngineType>& types);
void add_rocksdb_engines(std::vector<EngineType>& types);
void add_lmdb_engines(std::vector<EngineType>& types);
void add_leveldb_engines(std::vector<EngineType>& types);
void add_sqlite_engines(std::vector<EngineType>& types);
void add_redis_engines(std::vector<EngineType>& types);

}  // namespace bench
