#include "api/layouts.hpp"

#include <vector>

#include "layout/files/files_layout.hpp"

namespace accrete {
namespace {

std::vector<const Layout*>& table() {
  static std::vector<const Layout*> rows{&files_layout()};
  return rows;
}

}  // namespace

Layouts layouts() noexcept { return table(); }

void add_layout(const Layout& layout) { table().push_back(&layout); }

}  // namespace accrete
