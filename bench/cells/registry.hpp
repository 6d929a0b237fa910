// All engines that this build can measure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine.hpp"

namespace bench {

[[nodiscard]] const std::vector<EngineType>& engine_types();

/// nullptr if there is none of this name.
[[nodiscard]] const EngineType* find_engine_type(std::string_view name);

// Each is defined in the file of its library, if the build has that.
void add_accrete_engines(std::vector<EngineType>& types);
void add_stdio_engines(std::vector<EngineType>& types);
void add_rocksdb_engines(std::vector<EngineType>& types);
void add_lmdb_engines(std::vector<EngineType>& types);
void add_leveldb_engines(std::vector<EngineType>& types);
void add_sqlite_engines(std::vector<EngineType>& types);
void add_redis_engines(std::vector<EngineType>& types);

}  // namespace bench
