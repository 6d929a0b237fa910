// One pattern and one engine: append, read back and check, destroy.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine.hpp"

namespace bench {

/// Throws Unavailable, or std::runtime_error if anything fails: a value that is not what was appended, too.
[[nodiscard]] nlohmann::json run_cell(const EngineType& type, const CellOptions& options);

/// Of a program with such arguments: what main() does.
[[nodiscard]] int exit_code_of(int argc, char** argv);

/// What bench_cell engines prints of it.
[[nodiscard]] nlohmann::json to_json(const Description& description);

}  // namespace bench
