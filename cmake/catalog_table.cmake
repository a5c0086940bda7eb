cmake_minimum_required(VERSION 3.25)
# cmake -DROOT=<repository> -DOUT=<file> -P catalog_table.cmake
# Writes OUT: rideflow::register_all() calling rideflow_register_<name>() for every line of
# operators/**.cc that starts with RIDEFLOW_REGISTER(<name>). Sorted; left untouched when nothing changed.
file(GLOB_RECURSE sources "${ROOT}/operators/*.cc")
set(names "")
foreach(source IN LISTS sources)
  file(STRINGS "${source}" lines REGEX "^RIDEFLOW_REGISTER\\([A-Za-z0-9_]+\\)")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^RIDEFLOW_REGISTER\\(([A-Za-z0-9_]+)\\).*" "\\1" name "${line}")
    if(name IN_LIST names)
      message(FATAL_ERROR "RIDEFLOW_REGISTER(${name}) stands twice, the second time in ${source}")
    endif()
    list(APPEND names "${name}")
  endforeach()
endforeach()
list(SORT names)

set(declarations "")
set(calls "")
foreach(name IN LISTS names)
  string(APPEND declarations "void rideflow_register_${name}(::rideflow::Catalog& catalog);\n")
  string(APPEND calls "  ::rideflow_register_${name}(catalog);\n")
endforeach()
if(EXISTS "${ROOT}/engine/catalog.h")
  set(head "#include \"engine/catalog.h\"\n")
else()
  set(head "namespace rideflow {\nclass Catalog;\n}\n")
endif()
file(CONFIGURE OUTPUT "${OUT}" @ONLY CONTENT "// Generated from operators/ by cmake/catalog_table.cmake.
@head@
@declarations@
namespace rideflow {

void register_all([[maybe_unused]] Catalog& catalog);

void register_all([[maybe_unused]] Catalog& catalog) {
@calls@}

}  // namespace rideflow
")
