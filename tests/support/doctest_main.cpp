// doctest's own code and main(), compiled once for all test programs.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <pthread.h>

// ZeroMQ and its libsodium are not compiled for TSan, which cannot see how its threads hand messages to one another,
// nor to release_message. Neither is libstdc++, which counts the holders of an exception that threads share.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libzmq.so\ncalled_from_lib:libsodium.so\nrace:release_message\n"
         "race:exception_ptr::_M_release\n";
}

// Up to LLVM 17, ASan's own locks stay as other threads hold them in a forked child, whose next allocation may then
// wait for ever. These functions are the runtime's, which from LLVM 18 on calls them itself.
#if defined(__has_feature) && __clang_major__ < 18
#if __has_feature(address_sanitizer)
namespace __lsan {
void LockThreadRegistry();
void LockAllocator();
void UnlockAllocator();
void UnlockThreadRegistry();
}  // namespace __lsan

namespace __sanitizer {
void StackDepotLockAll();
void StackDepotUnlockAll();
}  // namespace __sanitizer

namespace {

void lock_sanitizer() {
  __lsan::LockThreadRegistry();
  __lsan::LockAllocator();
  __sanitizer::StackDepotLockAll();
}

void unlock_sanitizer() {
  __sanitizer::StackDepotUnlockAll();
  __lsan::UnlockAllocator();
  __lsan::UnlockThreadRegistry();
}

/// Before all others, whose preparations for a fork may allocate and thus come first.
[[gnu::constructor(101)]] void prepare_sanitizer_for_forks() {
  pthread_atfork(&lock_sanitizer, &unlock_sanitizer, &unlock_sanitizer);
}

}  // namespace
#endif
#endif
