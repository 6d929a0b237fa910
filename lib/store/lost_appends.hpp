// Appends that had returned and that a Store cannot keep when it is closed: its destructor has nobody to throw to.
#pragma once

#include <accrete/accrete.hpp>
#include <string_view>

namespace accrete {

/// Tells `handler`, or standard error if there is none.
void tell_lost_appends(const LostAppendsHandler& handler, std::string_view what) noexcept;

}  // namespace accrete
