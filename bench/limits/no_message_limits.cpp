// Stands for message_limits.cpp in a build without cppzmq.
#include "limits/limits.hpp"

namespace bench {

Limits message_limits() { return {}; }

}  // namespace bench
