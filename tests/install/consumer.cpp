// A program outside the project: it knows the installed headers and the pkg-config file, and nothing else.
#include <accrete/accrete.hpp>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string dataset = argv[1];
  accrete::create(dataset);
  accrete::put(dataset, {{"x", "Hello "}, {"y", "123"}});
  accrete::put(dataset, {{"x", "world!"}, {"y", "456"}});
  for (const std::string& value : accrete::get(dataset, {"y", "x"})) std::cout << value << '\n';

  const auto store = accrete::memory_store();
  store->append("x", "in memory");
  std::cout << store->get("x") << '\n';

  accrete::destroy(dataset);
  try {
    static_cast<void>(accrete::open(dataset));
  } catch (const accrete::NotFoundError&) {
    std::cout << "gone\n";
  }
}
