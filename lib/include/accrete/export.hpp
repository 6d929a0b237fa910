// Marks what the shared library exports; all else in it is hidden. Each program that uses the library includes it, so
// it also says which C++ they need.
#pragma once

#if __cplusplus < 202002L
#error "accrete needs C++20: compile with -std=c++20 or newer"
#endif

#define ACCRETE_API __attribute__((visibility("default")))
