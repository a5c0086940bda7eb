// Upper and lower case of UTF-8 text, for ASCII, Latin, Greek and Cyrillic letters; one code point to one
// (the German sharp s stays as it is). Other code points, and bytes that are not UTF-8, stay.
#pragma once

#include <string>
#include <string_view>

namespace rideflow {

void append_case(std::string& out, std::string_view text, bool upper);

}  // namespace rideflow
