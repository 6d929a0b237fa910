// Appending exactly once: a batch with an id may be sent again after a failure whose outcome is unknown, and
// expect_size lets one of several writers win.
#include <accrete/accrete.hpp>
#include <iostream>

int main() {
  accrete::create("log");
  const auto store = accrete::open("log");

  // A writer's id stays the same when it restarts; here it is just made up.
  const accrete::WriterId sensor{std::byte{0x5e}, std::byte{0x45}};
  const accrete::Entry reading{.key = "sensor", .bytes = "21.5 degrees\n"};
  const accrete::AppendOptions first{.sync = true, .id = accrete::BatchId{.writer = sensor, .sequence = 1}};
  store->append_batch({&reading, 1}, first);
  store->append_batch({&reading, 1}, first);  // a retry: the answer to the first attempt may have been lost
  std::cout << "after a retry: " << store->get("sensor");
  std::cout << "go on after sequence " << store->last_sequence(sensor).value_or(0) << '\n';

  // Two writers want to be the one that opens the account.
  const accrete::AppendOptions only_if_new{.expect_size = 0};
  for (const std::string_view name : {"Ada", "Grace"}) {
    const accrete::Entry opening{.key = "account", .bytes = name};
    try {
      store->append_batch({&opening, 1}, only_if_new);
      std::cout << name << " opened the account\n";
    } catch (const accrete::SizeMismatchError&) {
      std::cout << name << " came too late: it is " << store->get("account") << "'s\n";
    }
  }
  accrete::destroy("log");
}
