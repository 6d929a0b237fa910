#include "cli/dataset_header.hpp"

#include <accrete/error.hpp>

#include "base/escape.hpp"

namespace accrete::cli {

std::string header_of(const Store& store, const std::string& dataset) {
  std::optional<std::string> header = store.attribute(header_attribute);
  if (header) return *std::move(header);
  throw NotFoundError("there is no header in the dataset " + accrete::quoted(dataset) +
                      ": no rows with one were loaded into it");
}

}  // namespace accrete::cli
