// doctest's own code and main(), compiled once for all test programs.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

// ZeroMQ and its libsodium are not compiled for TSan, which cannot see how its threads hand messages to one another,
// nor to release_message. Neither is libstdc++, which counts the holders of an exception that threads share.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libzmq.so\ncalled_from_lib:libsodium.so\nrace:release_message\n"
         "race:exception_ptr::_M_release\n";
}
