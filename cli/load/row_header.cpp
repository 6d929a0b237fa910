#include "cli/load/row_header.hpp"

#include "cli/dataset_header.hpp"

namespace accrete::cli {

RowHeader::RowHeader(Store& store, RowParser& parser) : store_(store), parser_(parser), is_kept_(expect_kept()) {}

bool RowHeader::expect_kept() {
  const std::optional<std::string> header = store_.attribute(header_attribute);
  if (header) parser_.expect_header(*header);
  return header.has_value();
}

bool RowHeader::keep() {
  const std::string header = parser_.header();
  if (is_kept_ || header.empty()) return true;
  if (store_.set_attribute(header_attribute, header, {.expect_none = true})) {
    parser_.expect_header(header);
    is_kept_ = true;
    return true;
  }
  is_kept_ = expect_kept();
  return false;
}

}  // namespace accrete::cli
