// Structs whose members lie in memory otherwise than their fields are stored.
#pragma once

#include <accrete/numeric.hpp>
#include <complex>
#include <cstdint>
#include <tuple>

namespace accrete::test {

/// No padding, and in the order of its fields.
struct Point {
  float x, y;
  friend bool operator==(const Point&, const Point&) = default;
};

/// Padding, another order, and a member that is no field.
struct Sample {
  bool valid;
  double reading;
  std::int16_t channel;
  int scratch;
  std::complex<float> phase;
};

/// As Sample is stored.
struct SampleInOtherOrder {
  std::complex<float> phase;
  double reading;
  std::int16_t channel;
  bool valid;
};

}  // namespace accrete::test

namespace accrete {

template <>
struct Schema<test::Point> {
  static constexpr std::tuple fields{field("x", &test::Point::x), field("y", &test::Point::y)};
};

template <>
struct Schema<test::Sample> {
  using Sample = test::Sample;
  static constexpr std::tuple fields{field("channel", &Sample::channel), field("valid", &Sample::valid),
                                     field("reading", &Sample::reading), field("phase", &Sample::phase)};
};

template <>
struct Schema<test::SampleInOtherOrder> {
  using Sample = test::SampleInOtherOrder;
  static constexpr std::tuple fields{field("channel", &Sample::channel), field("valid", &Sample::valid),
                                     field("reading", &Sample::reading), field("phase", &Sample::phase)};
};

}  // namespace accrete
