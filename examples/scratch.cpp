// A temporary dataset: a place to spill to that goes when the object does, also when an exception passes by.
#include <accrete/accrete.hpp>
#include <iostream>
#include <stdexcept>

int main() {
  std::string url;
  try {
    const accrete::TemporaryDataset scratch = accrete::create_temporary(".");
    url = scratch.url();
    const auto store = accrete::open(url);
    store->append("spilled", "too much for memory");
    std::cout << store->stats().bytes << " bytes spilled\n";
    throw std::runtime_error("the work failed");
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << '\n';
  }
  try {
    static_cast<void>(accrete::open(url));
  } catch (const accrete::NotFoundError&) {
    std::cout << "and nothing is left behind\n";
  }
  // A process that is killed leaves its dataset; whoever uses the directory next sweeps it.
  std::cout << accrete::sweep(".").size() << " swept\n";
}
