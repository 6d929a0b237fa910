// The header that all rows of a dataset have.
#pragma once

#include <accrete/store.hpp>

#include "cli/load/row_parser.hpp"

namespace accrete::cli {

/// That of the dataset is what the parser expects of inputs; the first input's becomes it where there is none.
class RowHeader {
 public:
  RowHeader(Store& store, RowParser& parser);

  /// Keeps the header that the parser has read with the dataset. False if another load was first: the parser then
  /// expects that one's, and is to read its own again.
  [[nodiscard]] bool keep();

 private:
  bool expect_kept();

  Store& store_;
  RowParser& parser_;
  bool is_kept_ = false;
};

}  // namespace accrete::cli
