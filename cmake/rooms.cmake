# Targets: what all share, one static library per room, the generated catalog table.
set(RIDEFLOW_GENERATED "${CMAKE_BINARY_DIR}/generated")
configure_file("${CMAKE_SOURCE_DIR}/cmake/version.h.in" "${RIDEFLOW_GENERATED}/version.h" @ONLY)
file(CONFIGURE OUTPUT "${RIDEFLOW_GENERATED}/empty.cc" CONTENT "// A library needs one source file.\n")

# One precompiled header serves every room and executable: their flags are the same.
add_library(rideflow_pch STATIC "${RIDEFLOW_GENERATED}/empty.cc")
target_include_directories(rideflow_pch PRIVATE "${CMAKE_SOURCE_DIR}")
target_precompile_headers(rideflow_pch PRIVATE "${CMAKE_SOURCE_DIR}/cmake/pch.h")

# Include path, precompiled header, and the instruction set of *_v2.cc and *_v3.cc files. Such a file must keep
# everything it defines in an anonymous namespace or under names of its own: an inline function of a shared
# header compiled here could be the copy that the linker keeps.
function(rideflow_target target)
  target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>")
  target_include_directories(${target} PRIVATE "${CMAKE_BINARY_DIR}")
  target_precompile_headers(${target} REUSE_FROM rideflow_pch)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    if(source MATCHES "_(v[23])\\.cc$")
      set_source_files_properties("${source}" PROPERTIES SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON
                                  COMPILE_OPTIONS "-march=x86-64-${CMAKE_MATCH_1}")
    endif()
  endforeach()
endfunction()

# What instantiates Beast takes longest. Ninja begins with what is declared first, so that no processor waits for these
# two at the end.
set(RIDEFLOW_LONGEST "${CMAKE_SOURCE_DIR}/runtime/http/http_session.cc"
                     "${CMAKE_SOURCE_DIR}/runtime/http/http_client.cc")
add_library(rideflow_longest OBJECT ${RIDEFLOW_LONGEST})
set_target_properties(rideflow_longest PROPERTIES UNITY_BUILD OFF)
rideflow_target(rideflow_longest)

# rideflow_room(NAME ROOMS below... LIBRARIES system...)
function(rideflow_room name)
  cmake_parse_arguments(room "" "" "ROOMS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${name}/*.cc" "${CMAKE_SOURCE_DIR}/${name}/*/*.cc")
  if(NOT sources)
    set(sources "${RIDEFLOW_GENERATED}/empty.cc")
  endif()
  list(REMOVE_ITEM sources ${RIDEFLOW_LONGEST})
  add_library(rideflow_${name} STATIC ${sources})
  rideflow_target(rideflow_${name})
  list(TRANSFORM room_ROOMS PREPEND rideflow_)
  target_link_libraries(rideflow_${name} PUBLIC ${room_ROOMS} PRIVATE ${room_LIBRARIES})
  if(name STREQUAL "runtime")
    target_sources(rideflow_runtime PRIVATE $<TARGET_OBJECTS:rideflow_longest>)
  endif()
endfunction()

# generated/catalog_table.cc calls every RIDEFLOW_REGISTER(name) found in operators/. It is made by the build,
# not by the configure, so that a new registration in an old file is seen.
function(rideflow_catalog)
  set(table "${RIDEFLOW_GENERATED}/catalog_table.cc")
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/operators/*.cc" "${CMAKE_SOURCE_DIR}/operators/*/*.cc")
  set(script "${CMAKE_SOURCE_DIR}/cmake/catalog_table.cmake")
  add_custom_command(OUTPUT "${table}" DEPENDS ${sources} "${script}"
                     COMMAND ${CMAKE_COMMAND} "-DROOT=${CMAKE_SOURCE_DIR}" "-DOUT=${table}" -P "${script}"
                     COMMENT "Listing operators/ into catalog_table.cc" VERBATIM)
  add_library(rideflow_catalog STATIC "${table}")
  rideflow_target(rideflow_catalog)
  target_link_libraries(rideflow_catalog PUBLIC rideflow_operators)
endfunction()
