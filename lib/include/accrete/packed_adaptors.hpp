// Adaptors in the place of those of msgpack-cxx that read what is not there, or do not take all times. Part of
// accrete/packed.hpp.
//
// They are preferred in all that is compiled after this header. A program that reads arrays, tuples or time points
// with msgpack-cxx itself, too, includes accrete/packed.hpp there as well: C++ allows one meaning in a program.
#pragma once

#include <accrete/packed_detail.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <msgpack.hpp>
#include <optional>
#include <ratio>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

namespace accrete::packed_detail {

/// Holds for all types: a template with a constraint is preferred to the same without one.
template <typename>
concept Preferred = true;

inline void require_elements(const msgpack::object& object, std::size_t count) {
  if (object.type != msgpack::type::ARRAY || object.via.array.size != count) throw msgpack::type_error();
}

template <typename Byte, std::size_t size>
void read_bytes(const msgpack::object& object, std::array<Byte, size>& to) {
  if (object.type != msgpack::type::BIN && object.type != msgpack::type::STR) throw msgpack::type_error();
  const bool is_binary = object.type == msgpack::type::BIN;
  const std::string_view bytes = is_binary ? std::string_view(object.via.bin.ptr, object.via.bin.size)
                                           : std::string_view(object.via.str.ptr, object.via.str.size);
  if (bytes.size() != size) throw msgpack::type_error();
  std::copy(bytes.begin(), bytes.end(), to.begin());
}

template <typename T, std::size_t size, std::size_t... at>
std::array<T, size> read_array(const msgpack::object& object, std::index_sequence<at...>) {
  return {object.via.array.ptr[at].template as<T>()...};
}

template <typename Duration>
constexpr std::int64_t period_nanoseconds() {
  using Period = std::ratio_divide<typename Duration::period, std::nano>;
  static_assert(Period::den == 1, "MessagePack has times in whole nanoseconds");
  return Period::num;
}

template <typename Duration>
PackedTime packed_time(const Duration& since_epoch) {
  using Count = typename Duration::rep;
  static_assert(std::signed_integral<Count> || std::floating_point<Count>);
  if constexpr (std::floating_point<Count>) {
    return time_of_seconds(std::chrono::duration<double>(since_epoch).count());
  } else {
    return time_of_count(since_epoch.count(), period_nanoseconds<Duration>());
  }
}

/// Throws std::range_error for what a Duration cannot hold.
template <typename Duration>
Duration read_time(const PackedTime& time) {
  using Count = typename Duration::rep;
  if constexpr (std::floating_point<Count>) {
    const double seconds = static_cast<double>(time.seconds) + 1e-9 * time.nanoseconds;
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  } else {
    const std::optional<std::int64_t> count = count_of_time(time, period_nanoseconds<Duration>());
    if (!count || !std::in_range<Count>(*count)) throw std::range_error("the time is beyond what the type can hold");
    return Duration(static_cast<Count>(*count));
  }
}

inline PackedTime time_in(const msgpack::object& object) {
  if (object.type != msgpack::type::EXT || object.via.ext.type() != -1) throw msgpack::type_error();
  const std::optional<PackedTime> time = read_packed_time({object.via.ext.data(), object.via.ext.size});
  if (!time) throw msgpack::type_error();
  return *time;
}

}  // namespace accrete::packed_detail

namespace msgpack {  // NOLINT(modernize-concat-nested-namespaces): the macro is one
MSGPACK_API_VERSION_NAMESPACE(v1) {
  namespace adaptor {

  using accrete::packed_detail::Preferred;
  using accrete::packed_detail::require_elements;

  // The originals of `convert` read as many bytes of a string as the array has.
  template <std::size_t size>
  requires(size > 0) struct convert<std::array<char, size>> {
    const msgpack::object& operator()(const msgpack::object& o, std::array<char, size>& v) const {
      accrete::packed_detail::read_bytes(o, v);
      return o;
    }
  };
  template <std::size_t size>
  requires(size > 0) struct convert<std::array<unsigned char, size>> {
    const msgpack::object& operator()(const msgpack::object& o, std::array<unsigned char, size>& v) const {
      accrete::packed_detail::read_bytes(o, v);
      return o;
    }
  };

  // The originals of `as` read elements before and after those that there are, those of `convert` the first of none.
  template <Preferred T, std::size_t size>
  struct as<std::array<T, size>, typename std::enable_if<msgpack::has_as<T>::value>::type> {
    std::array<T, size> operator()(const msgpack::object& o) const {
      require_elements(o, size);
      return accrete::packed_detail::read_array<T, size>(o, std::make_index_sequence<size>());
    }
  };
  template <Preferred T, std::size_t size>
  struct convert<std::array<T, size>> {
    const msgpack::object& operator()(const msgpack::object& o, std::array<T, size>& v) const {
      require_elements(o, size);
      for (std::size_t i = 0; i < size; ++i) o.via.array.ptr[i].convert(v[i]);
      return o;
    }
  };
  template <Preferred T, std::size_t size>
  struct convert<T[size]> {  // NOLINT(modernize-avoid-c-arrays)
    // NOLINTNEXTLINE(modernize-avoid-c-arrays)
    const msgpack::object& operator()(const msgpack::object& o, T (&v)[size]) const {
      require_elements(o, size);
      for (std::size_t i = 0; i < size; ++i) o.via.array.ptr[i].convert(v[i]);
      return o;
    }
  };

  template <Preferred... Elements>
  struct as<std::tuple<Elements...>,
            typename std::enable_if<msgpack::any_of<msgpack::has_as, Elements...>::value>::type> {
    std::tuple<Elements...> operator()(const msgpack::object& o) const {
      require_elements(o, sizeof...(Elements));
      return StdTupleAs<Elements...>::as(o);
    }
  };
  template <Preferred... Elements>
  struct convert<std::tuple<Elements...>> {
    const msgpack::object& operator()(const msgpack::object& o, std::tuple<Elements...>& v) const {
      require_elements(o, sizeof...(Elements));
      StdTupleConverter<decltype(v), sizeof...(Elements)>::convert(o, v);
      return o;
    }
  };
  template <Preferred... Elements>
  struct as<msgpack::type::tuple<Elements...>,
            typename std::enable_if<msgpack::any_of<msgpack::has_as, Elements...>::value>::type> {
    msgpack::type::tuple<Elements...> operator()(const msgpack::object& o) const {
      require_elements(o, sizeof...(Elements));
      return MsgpackTupleAs<Elements...>::as(o);
    }
  };
  template <Preferred... Elements>
  struct convert<msgpack::type::tuple<Elements...>> {
    const msgpack::object& operator()(const msgpack::object& o, msgpack::type::tuple<Elements...>& v) const {
      require_elements(o, sizeof...(Elements));
      MsgpackTupleConverter<decltype(v), sizeof...(Elements)>::convert(o, v);
      return o;
    }
  };

  // The originals overflow where a time is beyond what a duration can hold, and divide by zero where it counts days.
  template <Preferred Clock, typename Duration>
  struct as<std::chrono::time_point<Clock, Duration>> {
    std::chrono::time_point<Clock, Duration> operator()(const msgpack::object& o) const {
      const accrete::packed_detail::PackedTime time = accrete::packed_detail::time_in(o);
      return std::chrono::time_point<Clock, Duration>(accrete::packed_detail::read_time<Duration>(time));
    }
  };
  template <Preferred Clock, typename Duration>
  struct convert<std::chrono::time_point<Clock, Duration>> {
    const msgpack::object& operator()(const msgpack::object& o, std::chrono::time_point<Clock, Duration>& v) const {
      v = o.as<std::chrono::time_point<Clock, Duration>>();
      return o;
    }
  };
  template <Preferred Clock, typename Duration>
  struct pack<std::chrono::time_point<Clock, Duration>> {
    template <typename Stream>
    packer<Stream>& operator()(packer<Stream>& o, const std::chrono::time_point<Clock, Duration>& v) const {
      const accrete::packed_detail::PackedTime time = accrete::packed_detail::packed_time(v.time_since_epoch());
      const accrete::packed_detail::TimeBody body = accrete::packed_detail::time_body(time);
      return o.pack_ext(body.size, -1).pack_ext_body(body.bytes.data(), body.size);
    }
  };

  }  // namespace adaptor
}
}  // namespace msgpack
