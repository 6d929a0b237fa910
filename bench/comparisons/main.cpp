// Times accrete's encodings beside the bare calls of their libraries: bench_comparisons FILE [option of Google
// Benchmark…]
#include <iostream>

#include "comparisons/comparisons.hpp"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::cerr << "usage: bench_comparisons FILE [option of Google Benchmark…]\n";
    return 2;
  }
  bench::add_codecs(argv[1]);
  bench::add_arrays();
  bench::add_items();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::ClearRegisteredBenchmarks();  // their datasets go while accrete is still there
}
