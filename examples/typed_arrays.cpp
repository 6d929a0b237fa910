// Typed arrays: numbers, structs of numbers, and tables of named columns. Their type is recorded and checked.
#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <accrete/numeric.hpp>
#include <iostream>

struct Flight {
  float delay;
  std::int32_t distance;
};

template <>
struct accrete::Schema<Flight> {
  static constexpr std::tuple fields{field("delay", &Flight::delay), field("distance", &Flight::distance)};
};

int main() {
  accrete::create("flights");
  const auto store = accrete::open("flights");

  accrete::Numeric<double> delays{*store};
  delays.append("delays", {11, -3.5});
  delays.append("delays", {0.25});
  double sum = 0;
  for (const double delay : delays.get("delays")) sum += delay;
  std::cout << delays.size("delays").value_or(0) << " delays, " << sum << " minutes\n";
  try {
    accrete::Numeric<int>{*store}.append("delays", {1, 2, 3});
  } catch (const accrete::TypeMismatchError& error) {
    std::cout << error.what() << '\n';
  }

  accrete::Numeric<Flight> flights{*store};
  flights.append("SEA", {{.delay = 11, .distance = 1448}, {.delay = -3.5F, .distance = 2451}});
  // A value of any size: a stretch at a time.
  accrete::NumericPieces<Flight> pieces = flights.pieces("SEA");
  for (std::span<const Flight> some; !(some = pieces.next()).empty();) {
    for (const Flight& flight : some) std::cout << flight.distance << " miles, " << flight.delay << " minutes\n";
  }

  accrete::Columns table{*store};
  const std::vector<float> delay = {11, -3.5};
  const std::vector<std::int32_t> distance = {1448, 2451};
  table.append("SEA table", {accrete::column("delay", delay), accrete::column("distance", distance)});
  std::cout << table.rows("SEA table").value_or(0) << " rows of";
  for (const auto& [name, type] : table.columns("SEA table")) std::cout << ' ' << name << ' ' << accrete::name_of(type);
  std::cout << "; the first distance is " << table.get<std::int32_t>("SEA table", "distance").front() << '\n';

  accrete::destroy("flights");
}
