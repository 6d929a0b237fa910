// Items of MessagePack as JSON.
#pragma once

#include <string>
#include <string_view>

namespace accrete::cli {

/// An item that is whole, as JSON. What JSON has no form for:
///   bytes, and strings that are not UTF-8   {"$base64":"…"}
///   a timestamp                             {"$time":"2001-09-09T01:46:40.5Z"}
///   another extension, and a timestamp      {"$ext":[type,"…"]}, in Base64
///   that has no such form
///   NaN and the infinities                  {"$float":"nan"}, "inf", "-inf"
///   a key of a map that is no UTF-8 string  its JSON, as a string
///   an array or a map that is a key in such {"$msgpack":"…"}, its bytes in Base64
///   a key
/// A float has a point or an exponent, which an integer has not. The text is at most 64 times as long as the item.
[[nodiscard]] std::string json_of_packed(std::string_view item);

}  // namespace accrete::cli
