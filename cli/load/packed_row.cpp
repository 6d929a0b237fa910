#include "cli/load/packed_row.hpp"

#include "typed/packed_scan.hpp"

namespace accrete::cli {

std::string problem_of_item(std::string_view item) {
  const PackedLimits limits;
  const PackedScan scan = scan_packed(item, item.size(), limits);
  if (scan.result == PackedScan::Result::whole) return {};
  return "the row cannot be an item of MessagePack: " + packed_problem(scan, 0, item.size(), limits);
}

}  // namespace accrete::cli
