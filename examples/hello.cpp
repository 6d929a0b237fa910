// The four functions. No state is kept between the calls: each could come from another program.
#include <accrete/accrete.hpp>
#include <iostream>

int main() {
  accrete::create("events");
  accrete::put("events", {{"x", "Hello "}, {"y", "123"}});
  accrete::put("events", {{"x", "world!"}, {"y", "456"}});
  for (const std::string& value : accrete::get("events", {"y", "x"})) std::cout << value << '\n';
  accrete::destroy("events");
}
