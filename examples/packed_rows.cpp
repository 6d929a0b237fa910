// Structs as items: appended from anywhere, read back whole or one at a time.
#include <accrete/accrete.hpp>
#include <accrete/packed.hpp>
#include <iostream>

namespace {

struct Visit {
  std::string page;
  int seconds = 0;
  std::optional<std::string> from;
  MSGPACK_DEFINE_MAP(page, seconds, from)
};

}  // namespace

int main() {
  accrete::create("visits");
  accrete::Packed<Visit> visits{accrete::open("visits")};
  visits.append("alice", {.page = "/", .seconds = 12, .from = "search"});
  const std::vector<Visit> more = {{.page = "/docs", .seconds = 340, .from = {}},
                                   {.page = "/faq", .seconds = 5, .from = "/"}};
  visits.append_items("alice", more);

  for (const Visit& visit : visits.reader("alice")) {
    std::cout << visit.page << ", " << visit.seconds << " s, from " << visit.from.value_or("nowhere") << '\n';
  }
  try {
    const accrete::Packed<int> numbers{visits.store()};
    static_cast<void>(numbers.get("alice"));
  } catch (const accrete::TypeMismatchError& error) {
    std::cout << error.what() << '\n';
  }
  accrete::destroy("visits");
}
