// Places on the globe: distances, boxes, grid cells. Latitudes are degrees from -90 to 90, longitudes from
// -180 to 180; anything else fails the row.
#include <charconv>
#include <cmath>
#include <numbers>

#include "operators/function_kernels.h"

namespace rideflow {

namespace {

constexpr double kEarthRadiusKm = 6371.0088;  // mean radius of the IUGG

bool is_place(double lat, double lon) {
  return lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180;  // false for NaN
}
std::string not_a_place(std::string_view function, double lat, double lon) {
  return fmt::format("{}: latitude {} and longitude {} are no place on Earth", function, lat, lon);
}

double radians(double degrees) {
  return degrees * (std::numbers::pi / 180);
}

double haversine_km(double lat1, double lon1, double lat2, double lon2) {
  const double dlat = std::sin(radians(lat2 - lat1) / 2);
  const double dlon = std::sin(radians(lon2 - lon1) / 2);
  const double h = dlat * dlat + std::cos(radians(lat1)) * std::cos(radians(lat2)) * dlon * dlon;
  return 2 * kEarthRadiusKm * std::asin(std::sqrt(h < 1 ? h : 1));
}

Column distance_kernel(const KernelCall& call, RowErrors& errors) {
  BufferRef data = BufferRef::allocate_zeroed(static_cast<size_t>(call.rows) * sizeof(double));
  auto* out = data.as_mutable<double>();
  for (int32_t i = 0; i < call.rows; ++i) {
    if (!call.is_active(i)) continue;
    const auto at = [&](size_t arg) { return value_of<double>(call, arg, i); };
    if (!is_place(at(0), at(1))) {
      errors.fail(i, not_a_place("distance_km", at(0), at(1)));
    } else if (!is_place(at(2), at(3))) {
      errors.fail(i, not_a_place("distance_km", at(2), at(3)));
    } else {
      out[i] = haversine_km(at(0), at(1), at(2), at(3));
    }
  }
  return column_from(Kind::float64, call.rows, std::move(data));
}

Column box_kernel(const KernelCall& call, RowErrors&) {
  return bool_column(call.rows, [&](int32_t i) {
    const auto at = [&](size_t arg) { return value_of<double>(call, arg, i); };
    const double lat = at(0), lon = at(1), south = at(2), west = at(3), north = at(4), east = at(5);
    if (!(lat >= south && lat <= north)) return false;
    return west <= east ? lon >= west && lon <= east : lon >= west || lon <= east;
  });
}

// ---- Grid cells

// A cell size as the decimal number that was written: 0.01 is 1 unit of 10^-2.
struct CellSize {
  double size = 0;
  int64_t units = 0;
  int places = 0;

  static std::optional<CellSize> of(double size) {
    if (!(size >= 1e-7 && size <= 90)) return std::nullopt;
    CellSize cell;
    cell.size = size;
    double scaled = size;
    while (cell.places < 9 && std::fabs(scaled - std::round(scaled)) > scaled * 1e-12) {
      ++cell.places;
      scaled = size * std::pow(10.0, cell.places);
    }
    cell.units = static_cast<int64_t>(std::round(scaled));
    return cell;
  }

  // The south or west border of the cell that holds v, in units. A point that is within a billionth of a
  // border belongs to the cell north or east of it: 1.15 is the border 115 although 1.15 / 0.01 is a little
  // less.
  int64_t border(double v) const {
    const double q = v / size;
    const double nearest = std::round(q);
    const double cells =
        std::fabs(q - nearest) <= 1e-9 * std::max(1.0, std::fabs(q)) ? nearest : std::floor(q);
    return static_cast<int64_t>(cells) * units;
  }
};

// units * 10^-places as text: format_decimal for 64 bits, which every row of a map pays.
void append_units(std::string& out, int64_t units, int places) {
  char digits[24];
  char* const end = digits + sizeof(digits);
  char* at = end;
  uint64_t rest = units < 0 ? 0 - static_cast<uint64_t>(units) : static_cast<uint64_t>(units);
  for (int written = 0; rest != 0 || written <= places; ++written) {
    if (written == places && places > 0) *--at = '.';
    *--at = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  if (units < 0) *--at = '-';
  out.append(at, end);
}

Column cell_kernel(const KernelCall& call, RowErrors& errors) {
  double last_size = 0;
  std::optional<CellSize> cell;
  return text_column(call, [&](int32_t i, std::string& out) {
    const double lat = value_of<double>(call, 0, i);
    const double lon = value_of<double>(call, 1, i);
    const double size = value_of<double>(call, 2, i);
    if (size != last_size) cell = CellSize::of(size);
    last_size = size;
    if (!cell) {
      errors.fail(i, fmt::format("grid_cell: the size {} is not between 0.0000001 and 90 degrees", size));
    } else if (!is_place(lat, lon)) {
      errors.fail(i, not_a_place("grid_cell", lat, lon));
    } else {
      append_units(out, cell->border(lat), cell->places);
      out += ':';
      append_units(out, cell->border(lon), cell->places);
    }
  });
}

std::vector<Type> doubles(size_t n) {
  return std::vector<Type>(n, Kind::float64);
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_geography) {
  using namespace rideflow;
  add_function(
      catalog, "geography",
      {"distance_km",
       "distance_km(lat1, lon1, lat2, lon2) -> double",
       "Great-circle distance of two places in kilometres (haversine, Earth's mean radius 6371.0088 km).",
       "round(distance_km(48.8566, 2.3522, 45.764, 4.8357), 1) = 391.5",
       "four numbers, latitudes first",
       doubles(4),
       4,
       Kind::float64,
       {.can_fail = true, .costly = true},
       distance_kernel});
  add_function(catalog, "geography",
               {"in_box",
                "in_box(lat, lon, south, west, north, east) -> bool",
                "Whether the place is in the box, borders included; west > east crosses the date line.",
                "in_box(45.76, 4.83, 45, 4, 46, 5)",
                "six numbers",
                doubles(6),
                6,
                Kind::boolean,
                {},
                box_kernel});
  add_function(
      catalog, "geography",
      {"grid_cell",
       "grid_cell(lat, lon, size) -> string",
       "The cell of a grid of `size` degrees that holds the place: latitude and longitude of its south-west "
       "corner, as in '45.76:4.83'.",
       "grid_cell(45.7640, 4.8357, 0.01) = '45.76:4.83'",
       "a latitude, a longitude and a size in degrees",
       doubles(3),
       3,
       Kind::string,
       {.can_fail = true, .costly = true},
       cell_kernel});
}
